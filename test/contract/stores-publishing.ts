import { expect, test } from "vitest";
import { changesStore } from "../../functions/stores/changes.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { collect } from "../../functions/stores/page.ts";
import { type PatchRecord, patchesStore } from "../../functions/stores/patches.ts";
import { recallsStore } from "../../functions/stores/recalls.ts";
import { repositoriesStore } from "../../functions/stores/repositories.ts";
import { rolesStore } from "../../functions/stores/roles.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { digest, hour, now, problem, unique } from "./stores-data.ts";

const manifest = Manifest.parse({
  manifest: 1,
  product: "srv",
  channel: "stable",
  patch: "fix",
  version: 1,
  title: "Fix",
  severity: "high",
  variants: [
    {
      engine: "elf",
      functions: [{ name: "f", replacement: "g" }],
      match: { buildId: "ab".repeat(20), arch: "x86_64" },
      bundle: { sha256: digest(), size: 1, encoding: "zstd", payload: { sha256: digest(), size: 1 } },
    },
  ],
});

/** What the stores of published patches and of their changes promise. */
export function publishingContract(dynamo: () => Dynamo) {
  test("what operators say at once stands in one order, and is public from the first time on", async () => {
    const recalls = recallsStore(dynamo());
    const vendor = unique("v");
    const stop = { kind: "stop", vendor, reason: "stolen", at: now } as const;
    const said = await Promise.all([1, 2, 3].map((number) => recalls.append({ ...stop, at: now + number })));
    const numbers = said.map(({ number }) => number);
    expect(new Set(numbers).size).toBe(3);
    const [first = 0] = numbers;
    await recalls.markPublic(first, now + 10);
    await recalls.markPublic(first, now + 20);
    const all = await collect((page) => recalls.list(page));
    expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
    expect(all.find(({ number }) => number === first)).toEqual({ ...said[0], publicAt: now + 10 });
  });

  test("of two publishers of one role's next version one wins and the other learns the newest version", async () => {
    const roles = rolesStore(dynamo());
    const vendor = unique("v");
    const role = (version: number, by: string) => ({
      vendor,
      role: "srv.stable",
      version,
      body: by,
      acceptedAt: now,
      by,
    });
    await roles.accept(role(1, "first"));
    const rivals = await Promise.allSettled([roles.accept(role(2, "ann")), roles.accept(role(2, "bob"))]);
    expect(rivals.map((rival) => rival.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(rivals.find((rival) => rival.status === "rejected")?.reason).toEqual(problem("conflict", { version: 2 }));
    const winner = rivals[0]?.status === "fulfilled" ? "ann" : "bob";
    await roles.accept(role(2, winner));
    expect(await roles.get(vendor, "srv.stable")).toEqual(role(2, winner));
    await expect(roles.accept(role(1, "late"))).rejects.toEqual(problem("conflict", { version: 2 }));
    await expect(roles.accept(role(4, "hasty"))).rejects.toEqual(problem("conflict", { version: 2 }));
    const huge = { ...role(3, "ann"), body: "x".repeat(301 * 1024) };
    await expect(roles.accept(huge)).rejects.toEqual(problem("too-large"));
  });

  test("every root stays readable by its number and only the newest is listed", async () => {
    const roles = rolesStore(dynamo());
    const vendor = unique("v");
    const root = (version: number) => ({
      vendor,
      role: "root",
      version,
      body: `r${version}`,
      acceptedAt: now,
      by: "a",
    });
    await expect(roles.accept(root(2))).rejects.toEqual(problem("conflict", { version: 0 }));
    await roles.accept(root(1));
    await roles.accept(root(2));
    expect(await roles.root(vendor, 1)).toEqual(root(1));
    expect(await roles.root(vendor, 2)).toEqual(root(2));
    expect(await roles.listAll(vendor)).toEqual([root(2)]);
  });

  test("no version of an online role is reserved twice", async () => {
    const repositories = repositoriesStore(dynamo());
    const repository = unique("v");
    expect(await repositories.published(repository)).toBeUndefined();
    const reserved = await Promise.all(Array.from({ length: 8 }, () => repositories.reserve(repository, "both")));
    expect(new Set(reserved.map(({ timestamp }) => timestamp)).size).toBe(8);
    expect(await repositories.reserve(repository, "timestamp")).toEqual({ snapshot: 8, timestamp: 9 });

    const published = { snapshot: 8, timestamp: 9, signedAt: now, roles: { "srv.stable": 3 } };
    expect(await repositories.recordPublished(repository, published)).toBe(true);
    for (const timestamp of [8, 9]) {
      expect(await repositories.recordPublished(repository, { ...published, timestamp, roles: {} })).toBe(false);
    }
    expect(await repositories.published(repository)).toEqual(published);
  });

  test("a withdrawn patch never comes back and no id ever gets a second manifest", async () => {
    const patches = patchesStore(dynamo());
    const vendor = unique("v");
    const stream = `${vendor}/srv/stable`;
    const live: PatchRecord & { state: "live" } = {
      id: `${stream}/fix@1`,
      manifest,
      manifestSha256: digest(),
      manifestLength: 9,
      state: "live",
      liveAt: now,
    };
    await patches.put(live);
    await patches.put({ ...live, liveAt: now + hour });
    expect(await patches.get(live.id)).toEqual(live);
    await expect(patches.put({ ...live, manifestSha256: digest() })).rejects.toEqual(problem("conflict"));
    await patches.markWithdrawn(live.id, { at: now + 1, reason: "bad" });
    await patches.markWithdrawn(live.id, { at: now + 2, reason: "worse" });
    await patches.put(live);
    const withdrawn = { ...live, state: "withdrawn", withdrawnAt: now + 1, reason: "bad" };
    expect(await patches.get(live.id)).toEqual(withdrawn);
    await patches.put({ ...live, id: `${stream}/fix@2` });
    const listed = await collect((page) => patches.listByStream(stream, { ...page, consistent: true }));
    expect(listed.map(({ id, state }) => [id, state])).toEqual([
      [live.id, "withdrawn"],
      [`${stream}/fix@2`, "live"],
    ]);
    await expect.poll(async () => (await patches.listByVendor(vendor)).items.length).toBe(2);
    await expect(patches.markWithdrawn(`${stream}/none@1`, { at: now, reason: "" })).rejects.toEqual(
      problem("not-found"),
    );
  });

  test("every change gets an epoch of its own, and what is let go of raises the floor", async () => {
    const changes = changesStore(dynamo());
    expect(await changes.read({ consistent: true })).toEqual({ epoch: 0, floor: 0, scopes: {} });
    await Promise.all(["a", "b", "c"].map((scope) => changes.advance([scope], now)));
    const after = await changes.read({ consistent: true });
    expect([after.epoch, after.floor]).toEqual([3, 0]);
    expect(
      Object.values(after.scopes)
        .map(({ epoch }) => String(epoch))
        .toSorted(),
    ).toEqual(["1", "2", "3"]);
    expect(await changes.advance([], now)).toEqual(after);

    await changes.advance(["a"], now + 24 * hour);
    const late = {
      epoch: 5,
      floor: 3,
      scopes: { a: { epoch: 4, at: now + 24 * hour }, d: { epoch: 5, at: now + 25 * hour } },
    };
    expect(await changes.advance(["d"], now + 25 * hour)).toEqual(
      after.scopes.a?.epoch === 3 ? { ...late, floor: 2 } : late,
    );
    const many = Array.from({ length: 3500 }, (_, index) => `vendor-${index}/product/stable/${"x".repeat(40)}`);
    const crowded = await changes.advance(many, now + 25 * hour);
    expect([crowded.epoch, crowded.floor]).toEqual([6, 6]);
  });
}
