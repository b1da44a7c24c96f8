import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiTokensStore } from "../../functions/stores/api-tokens.ts";
import { changesStore } from "../../functions/stores/changes.ts";
import { customersStore } from "../../functions/stores/customers.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { enrolmentsStore } from "../../functions/stores/enrolments.ts";
import { type CheckIn, type Enrolling, machinesStore } from "../../functions/stores/machines.ts";
import { collect } from "../../functions/stores/page.ts";
import { type PatchRecord, patchesStore } from "../../functions/stores/patches.ts";
import { receiptsStore } from "../../functions/stores/receipts.ts";
import { repositoriesStore } from "../../functions/stores/repositories.ts";
import { rolesStore } from "../../functions/stores/roles.ts";
import { type PatchState, statesStore } from "../../functions/stores/states.ts";
import { subscriptionsStore } from "../../functions/stores/subscriptions.ts";
import { vendorsStore } from "../../functions/stores/vendors.ts";
import { tufKey } from "../../protocol/trust/signer.ts";
import { Manifest } from "../../protocol/wire/patch.ts";

/** Far ahead: a database removes by its own clock what has expired. */
const now = Date.UTC(2100, 0, 1);
const hour = 3600 * 1000;
const unique = (prefix: string) => `${prefix}-${randomBytes(6).toString("hex")}`;
const digest = () => randomBytes(32).toString("hex");
const problem = (code: string, data?: object) => expect.objectContaining({ code, ...(data && { data }) });

const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
`;
const facts = {
  hostname: "h",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [],
  engines: [],
};
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

/** What every store promises, on whichever DynamoDB and through whichever transport. */
export function storesContract(name: string, start: () => Promise<{ dynamo: Dynamo; stop: () => Promise<void> }>) {
  describe(`stores on ${name}`, () => {
    let running: Awaited<ReturnType<typeof start>>;
    let dynamo: Dynamo;
    beforeAll(async () => {
      running = await start();
      dynamo = running.dynamo;
    });
    afterAll(() => running?.stop());

    test("a vendor is kept whole, and its name is taken once", async () => {
      const key = { key: tufKey(publicKey), wrapped: "AA==" };
      const vendor = { vendor: unique("v"), title: "V", createdAt: now, onlineKeys: { snapshot: key, timestamp: key } };
      const vendors = vendorsStore(dynamo);
      await vendors.create(vendor);
      expect(await vendors.get(vendor.vendor)).toEqual(vendor);
      await expect(vendors.create({ ...vendor, title: "thief" })).rejects.toEqual(problem("already-exists"));
      expect(await collect((page) => vendors.list(page))).toContainEqual(vendor);
      expect(await vendors.get(unique("v"))).toBeUndefined();
    });

    test("of two publishers of one role's next version one wins and the other learns the newest version", async () => {
      const roles = rolesStore(dynamo);
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
      const roles = rolesStore(dynamo);
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
      const repositories = repositoriesStore(dynamo);
      const repository = unique("v");
      expect(await repositories.published(repository)).toBeUndefined();
      const reserved = await Promise.all(Array.from({ length: 8 }, () => repositories.reserve(repository, "both")));
      expect(new Set(reserved.map(({ timestamp }) => timestamp)).size).toBe(8);
      expect(await repositories.reserve(repository, "timestamp")).toEqual({ snapshot: 8, timestamp: 9 });

      const published = { snapshot: 8, timestamp: 9, signedAt: now, roles: { "srv.stable": 3 } };
      expect(await repositories.recordPublished(repository, published)).toBe(true);
      expect(await repositories.recordPublished(repository, { ...published, timestamp: 8, roles: {} })).toBe(false);
      expect(await repositories.published(repository)).toEqual(published);
    });

    test("a withdrawn patch never comes back and no id ever gets a second manifest", async () => {
      const patches = patchesStore(dynamo);
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

    test("two people who change two groups of one customer both succeed", async () => {
      const customers = customersStore(dynamo);
      const customer = {
        customer: unique("c"),
        title: "C",
        createdAt: now,
        groups: { default: { mode: "auto" as const } },
      };
      await customers.create(customer);
      await expect(customers.create(customer)).rejects.toEqual(problem("already-exists"));
      await Promise.all(
        ["web-1", "db"].map((group) => customers.setGroup(customer.customer, group, { mode: "report" })),
      );
      const groups = { default: { mode: "auto" }, "web-1": { mode: "report" }, db: { mode: "report" } };
      expect(await customers.get(customer.customer)).toEqual({ ...customer, groups });
      expect(await collect((page) => customers.list(page))).toContainEqual({ ...customer, groups });
      await expect(customers.setGroup(unique("c"), "web", { mode: "auto" })).rejects.toEqual(problem("not-found"));
    });

    test("a subscription's last word counts and its beginning stays", async () => {
      const subscriptions = subscriptionsStore(dynamo);
      const subscription = { customer: unique("c"), stream: "v/srv/stable", seats: 5, endsAt: null, createdAt: now };
      await subscriptions.put(subscription);
      await subscriptions.put({ ...subscription, seats: 9, endsAt: now + hour, createdAt: now + 1 });
      expect(await subscriptions.listByCustomer(subscription.customer, { consistent: true })).toEqual({
        items: [{ ...subscription, seats: 9, endsAt: now + hour }],
      });
    });

    test("an unknown, an expired and a revoked token are one and the same: no token", async () => {
      const tokens = apiTokensStore(dynamo);
      const principal = { kind: "vendor" as const, tenant: unique("v"), role: "publisher" };
      const token = { hash: digest(), principal, label: "ci", createdAt: now, expiresAt: now + hour };
      await tokens.create(token);
      await expect(tokens.create(token)).rejects.toEqual(problem("already-exists"));
      expect(await tokens.find(token.hash, now)).toEqual(token);
      expect(await tokens.find(token.hash, now + hour)).toBeUndefined();
      expect(await tokens.find(digest(), now)).toBeUndefined();
      await tokens.revoke(token.hash, now + 1);
      await tokens.revoke(token.hash, now + 2);
      expect(await tokens.find(token.hash, now)).toBeUndefined();
      await expect(tokens.revoke(digest(), now)).rejects.toEqual(problem("not-found"));
      const listed = [{ ...token, revokedAt: now + 1 }];
      await expect.poll(async () => (await tokens.listByTenant(principal)).items).toEqual(listed);
      expect((await tokens.listByTenant({ ...principal, kind: "customer" })).items).toEqual([]);
    });

    test("an enrolment token of two uses lets in two of five hosts and says why it refuses", async () => {
      const enrolments = enrolmentsStore(dynamo);
      const enrolment = {
        hash: digest(),
        customer: unique("c"),
        group: "web",
        usesLeft: 2,
        expiresAt: now + hour,
        createdAt: now,
      };
      await enrolments.create(enrolment);
      await expect(enrolments.create(enrolment)).rejects.toEqual(problem("already-exists"));
      const uses = await Promise.allSettled(Array.from({ length: 5 }, () => enrolments.use(enrolment.hash, now)));
      const refusals = uses.filter((use) => use.status === "rejected").map((use) => use.reason);
      expect(refusals).toEqual(Array(3).fill(problem("token-used-up")));
      await expect(enrolments.use(enrolment.hash, now + hour)).rejects.toEqual(problem("token-expired"));
      await expect(enrolments.use(digest(), now)).rejects.toEqual(problem("unauthorized"));
      await expect
        .poll(async () => (await enrolments.listByCustomer(enrolment.customer)).items)
        .toEqual([{ ...enrolment, usesLeft: 0 }]);
    });

    const enrolling = (customer = unique("c")): Enrolling => ({
      machine: `m-${randomBytes(16).toString("hex")}`,
      customer,
      group: "web",
      publicKey: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) },
      enrolledAt: now,
      facts,
    });
    const checkIn = (counter: number, more: Partial<CheckIn> = {}): CheckIn => ({
      counter,
      bodyHash: digest(),
      at: now + counter,
      facts: { ...facts, kernel: "6.2" },
      patches: [{ patch: "v/srv/stable/fix@1", state: "applied", since: 7 }],
      metadata: { service: { root: 1, timestamp: 3 } },
      ...more,
    });

    test("a check-in updates the machine, said again changes nothing, and a used counter is refused with the next one", async () => {
      const machines = machinesStore(dynamo);
      const enrolled = enrolling();
      const { machine } = enrolled;
      await machines.enrol(enrolled);
      await expect(machines.enrol(enrolled)).rejects.toEqual(problem("already-exists"));
      expect(await machines.get(machine)).toEqual({
        ...enrolled,
        seenAt: now,
        counter: 0,
        bodyHash: "",
        patches: [],
        metadata: {},
      });

      const third = checkIn(3);
      const { at, ...said } = third;
      const after = { ...enrolled, ...said, seenAt: at };
      expect(await machines.checkIn(machine, third)).toEqual({ machine: after, retry: false });
      expect(await machines.checkIn(machine, { ...third, at: at + 9 })).toEqual({ machine: after, retry: true });
      for (const counter of [1, 3]) {
        await expect(machines.checkIn(machine, checkIn(counter))).rejects.toEqual(
          problem("counter-behind", { expected: 4 }),
        );
      }
      expect(await machines.get(machine)).toEqual(after);
      await expect(machines.checkIn(enrolling().machine, third)).rejects.toEqual(problem("unauthorized"));
    });

    test("a customer's machines come in pages that hold each once, and a cursor leads nowhere else", async () => {
      const machines = machinesStore(dynamo);
      const [mine, theirs] = [unique("c"), unique("c")];
      const enrolled = Array.from({ length: 5 }, () => enrolling(mine));
      for (const machine of enrolled) await machines.enrol(machine);
      for (let i = 0; i < 2; i++) await machines.enrol(enrolling(theirs));
      await expect.poll(async () => (await machines.listByCustomer(mine)).items.length).toBe(5);
      await expect.poll(async () => (await machines.listByCustomer(theirs)).items.length).toBe(2);

      const first = await machines.listByCustomer(mine, { limit: 2 });
      const rest = await machines.listByCustomer(mine, { cursor: first.cursor });
      expect([first.items.length, rest.cursor]).toEqual([2, undefined]);
      const ids = [...first.items, ...rest.items].map(({ machine }) => machine);
      expect(ids).toEqual(enrolled.map(({ machine }) => machine).toSorted());

      const crossed = await machines.listByCustomer(theirs, { cursor: first.cursor });
      expect(crossed.items.filter(({ customer }) => customer !== theirs)).toEqual([]);
      for (const cursor of ["", "!", "bnVsbA", "W10", "eyJtYWNoaW5lIjp7IlMiOjF9fQ"]) {
        await expect(machines.listByCustomer(mine, { cursor })).rejects.toEqual(problem("invalid-request"));
      }
    });

    test("receipts that come twice or out of order leave the newest state", async () => {
      const states = statesStore(dynamo);
      const customer = unique("c");
      const state = (receipt: number, code: PatchState["state"]): PatchState => ({
        machine: "m-1",
        patchId,
        customer,
        state: code,
        action: "apply",
        detail: "",
        at: now,
        receipt,
      });
      const patchId = `${unique("v")}/srv/stable/fix@1`;
      expect(await states.record(state(2, "applied"))).toBe(true);
      expect(await states.record(state(1, "failed"))).toBe(false);
      expect(await states.record(state(2, "failed"))).toBe(false);
      expect((await states.listByMachine("m-1")).items).toContainEqual(state(2, "applied"));
      expect(await states.record(state(3, "undone"))).toBe(true);
      await expect.poll(async () => (await states.listByPatch(patchId)).items).toEqual([state(3, "undone")]);
      await expect.poll(async () => (await states.listByCustomer(customer)).items).toEqual([state(3, "undone")]);
    });

    test("a receipt is kept once, and the newest is listed first", async () => {
      const receipts = receiptsStore(dynamo);
      const machine = unique("m");
      const receipt = (sequence: number) => ({ machine, sequence, receipt: `jws-${sequence}`, receivedAt: now });
      const said = [9, 10, 2, 10, 100];
      const fresh = [];
      for (const sequence of said) fresh.push(await receipts.put(receipt(sequence)));
      expect(fresh).toEqual([true, true, true, false, true]);
      expect(await receipts.put({ ...receipt(2), receipt: "other" })).toBe(false);
      const first = await receipts.listByMachine(machine, { limit: 3 });
      const rest = await receipts.listByMachine(machine, { limit: 3, cursor: first.cursor });
      expect([...first.items, ...rest.items]).toEqual([100, 10, 9, 2].map(receipt));
      expect(await receipts.count(machine)).toBe(4);
    });

    test("every change gets an epoch of its own, and what is let go of raises the floor", async () => {
      const changes = changesStore(dynamo);
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
  });
}
