import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, suture, run, done, newVendor, newName, patchFolder } = cli;
afterAll(() => cli.stop());

/** A machine of the customer's, enrolled. */
async function newMachine(customer: string, hostname: string): Promise<string> {
  const machine = `m-${createHash("sha256").update(`${customer}${hostname}`).digest("hex").slice(0, 32)}`;
  const facts = {
    hostname,
    os: "Debian",
    arch: "x86_64",
    kernel: "6.1",
    bootId: "b",
    agent: "0",
    builds: [],
    engines: [],
  };
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  await service.stores.machines.enrol({
    machine,
    customer,
    group: "default",
    publicKey,
    enrolledAt: Date.now(),
    facts,
  });
  return machine;
}

it("a vendor grants and revokes by itself, and the standing is shown to both", async () => {
  const { vendor } = await newVendor();
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const stream = `${vendor}/echod/edge`;
  const granted = await done(["customer", "subscribe", customer, stream, "--seats", "3", "--plan", "gold"], {});
  expect(granted).toMatchObject({ seats: 3, plan: "gold", graceDays: 14, standing: "active", seatsTaken: 0 });
  expect(await done(["customer", "unsubscribe", customer, stream], {})).toMatchObject({ standing: "revoked" });
  const theirs = await done(["subscriptions", "--customer", customer]);
  expect(theirs.subscriptions).toMatchObject([{ vendor, standing: "revoked" }]);
  expect((await done(["subscriptions", "--vendor", vendor], {})).subscriptions).toEqual(theirs.subscriptions);
});

it("a bulk action says what it would do, does it, and has then nothing to do", async () => {
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const web = await Promise.all(["web-1", "web-2"].map((host) => newMachine(customer, host)));
  await newMachine(customer, "db-1");
  const bulk = (...rest: string[]) =>
    done(["bulk", "--customer", customer, "--hostname", "web-", "--to-group", "web", "--add-tag", "eu", "a", ...rest]);
  const groups = async () =>
    (await done(["machines", "--customer", customer])).machines.map((each: { group: string }) => each.group).sort();
  const wanted = web.map((machine) => expect.objectContaining({ machine, group: "web", tags: ["eu", "a"] }));
  expect((await bulk("--dry-run")).machines).toEqual(expect.arrayContaining(wanted));
  expect(await groups()).toEqual(["default", "default", "default"]);
  expect((await bulk()).machines).toHaveLength(2);
  expect(await groups()).toEqual(["default", "web", "web"]);
  expect((await bulk()).machines).toEqual([]);
  const empty = await suture(["bulk", "--customer", customer, "--to-group", "web"]);
  expect(empty).toMatchObject({ code: 2, answer: { error: { code: "invalid-request" } } });
});

it("an operator recalls a patch and stops its vendor, and the vendor and the customer see how far that is", async () => {
  const { vendor, keys, publish } = await newVendor();
  await publish((await patchFolder()).folder);
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const machine = await newMachine(customer, "web-1");
  const patch = `${vendor}/echod/edge/bounds-check@1`;
  const state = { machine, customer, patchId: patch, state: "applied", action: "apply", detail: "", at: 1 } as const;
  await service.stores.states.record({ ...state, receipt: 1 });
  expect(await done(["recalls", patch])).toMatchObject({ recalled: false });
  expect(await done(["recall", patch, "--reason", "it corrupts"])).toMatchObject({
    public: true,
    undone: 0,
    pending: 1,
  });
  const asVendor = ["recalls", patch, "--keys", keys];
  expect(await done(asVendor, {})).toMatchObject({ by: "operator", reason: "it corrupts" });
  const words = await run(["recalls", "--customer", customer], { SUTURE_TOKEN: service.operator });
  expect(words.out).toMatch(/web-1 +undo-pending +-/);
  expect((await run(["recall", patch], { SUTURE_TOKEN: service.operator })).code).toBe(2);

  expect(await done(["vendor", "stop", vendor, "--reason", "stolen"])).toMatchObject({ stopped: true, public: true });
  expect(await done(["vendor", "resume", vendor, "--reason", "new keys"])).toMatchObject({ stopped: false });
  const own = ["--token-file", join(keys, "publisher.token")];
  expect(await suture(["vendor", "stop", vendor, "--reason", "x", ...own], {})).toMatchObject({ code: 3 });
});
