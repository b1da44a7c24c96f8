import { expect, test } from "vitest";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { scopeOf } from "../domain/ticket.ts";
import { MetadataHints } from "./metadata-hints.ts";

const fix = parsePatchId("acme/echod/stable/fix@1");

/** Two repositories as they are public, by version; the service's snapshot names one role. */
function repositories() {
  const published = { acme: { version: 1, root: 1 }, service: { version: 1, root: 1 } };
  const read: string[] = [];
  const clock = { now: 0 };
  const hints = new MetadataHints(
    (repository, name) => {
      read.push(`${repository}/${name}`);
      const { version, root } = published[repository as keyof typeof published];
      if (name.endsWith(".root.json") && Number.parseInt(name, 10) > root) return Promise.resolve(undefined);
      const roles = { "vendors.json": { version: 1 }, "echod.stable.json": { version: 1 } };
      const meta = name === "timestamp.json" ? { "snapshot.json": { version } } : roles;
      const target = { length: 100, hashes: { sha256: "a1" } };
      const targets = {
        "echod/stable/fix@1.json": target,
        "echod/stable/recalls.json": target,
      };
      return Promise.resolve(JSON.stringify({ signed: { version, meta, targets } }));
    },
    () => clock.now,
  );
  type Ask = { epoch?: number; changed?: string; snapshot?: number; wanted?: boolean; isNew?: boolean };
  const ask = async ({ epoch = 1, changed, snapshot = 1, wanted = false, isNew = false }: Ask = {}) => {
    read.length = 0;
    const versions = { root: 1, timestamp: 1, snapshot };
    const lacked = await hints.lackedBy(
      { acme: versions, service: versions },
      { held: [fix], wanted: wanted ? [{ ...fix, isNew }] : [] },
      { epoch, floor: 0, scopes: changed === undefined ? {} : { [changed]: { epoch, at: 0 } } },
    );
    return Object.fromEntries(Object.entries(lacked).map(([name, files]) => [name, Object.keys(files)]));
  };
  return { ask, published, read, clock };
}

test("a machine that lacks nothing is told so by the timestamps, and what it is told is read seldom", async () => {
  const { ask, read, clock } = repositories();
  const nothing = { service: ["timestamp.json"], acme: ["timestamp.json"] };
  expect(await ask()).toEqual(nothing);
  expect(read.filter((name) => /timestamp|root/.test(name))).toHaveLength(4);
  expect(await ask({ epoch: 2, changed: scopeOf.stream("acme/echod/edge") })).toEqual(nothing);
  expect(read).toEqual([]);
  // New plan keys must get around
  clock.now = 60_000;
  expect(await ask()).toEqual(nothing);
  expect(read).toEqual(["service/timestamp.json", "service/2.root.json"]);
});

test("what a plan draws on is read again at once when it has changed, and a newer root comes with it", async () => {
  const { ask, published } = repositories();
  await ask();
  published.acme = { version: 2, root: 2 };
  expect((await ask()).acme).toEqual(["timestamp.json"]);
  expect((await ask({ epoch: 3, changed: scopeOf.stream("acme/echod/stable") })).acme).toEqual([
    "timestamp.json",
    "2.root.json",
    "2.snapshot.json",
  ]);
});

test("the manifest of a patch that is new to a machine comes along, and its channel's recalls, which may be news to others too", async () => {
  const { ask } = repositories();
  const role = "1.echod.stable.json";
  const [manifest, recalls] = ["targets/echod/stable/a1.fix@1.json", "targets/echod/stable/a1.recalls.json"];
  expect((await ask({ wanted: true, isNew: true })).acme).toEqual(["timestamp.json", role, manifest, recalls]);
  expect((await ask({ wanted: true })).acme).toEqual(["timestamp.json", role]);
  const behind = ["timestamp.json", "1.snapshot.json", role, recalls];
  expect((await ask({ wanted: true, snapshot: 0 })).acme).toEqual(behind);
});

test("a machine with an older snapshot gets what it names", async () => {
  const { ask } = repositories();
  const { service } = await ask({ snapshot: 0 });
  expect(service).toEqual(["timestamp.json", "1.snapshot.json", "1.vendors.json"]);
});
