import { afterAll, expect, it } from "vitest";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, suture, run, done, newName, newVendor, patchFolder } = cli;
afterAll(() => cli.stop());

const because = ["--override", "There is nobody on edge"];

/** A vendor with versions 1 and 2 of a patch on stable, and a customer of whose machines so many have the second. */
async function secondOn(machines: number) {
  const { vendor, publish } = await newVendor();
  const stream = `${vendor}/echod/stable`;
  for (const version of [1, 2]) {
    const { folder } = await patchFolder({ version });
    expect(await publish(folder, "--channel", "stable", ...because)).toMatchObject({ code: 0 });
  }
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  await done(["customer", "subscribe", customer, stream]);
  const [first, second] = [`${stream}/bounds-check@1`, `${stream}/bounds-check@2`];
  const reports = Array.from({ length: machines }, (_, at) => ({
    machine: `${customer}-${at}`,
    receipt: 1,
    outcome: at === 0 ? ("partial" as const) : ("applied" as const),
    cause: "",
  }));
  await service.stores.outcomes.record({ customer, patch: second }, reports, { now: Date.now(), phase: 0 });
  const withdraw = (patch: string, ...rest: string[]) =>
    suture(["withdraw", patch, "--vendor", vendor, "--reason", "It leaks", ...rest], {});
  const states = async () =>
    Object.fromEntries(
      (await done(["list", "--vendor", vendor], {})).patches.map((each: { id: string; state: string }) => [
        each.id,
        each.state,
      ]),
    );
  return { vendor, publish, first, second, withdraw, states };
}

it("withdrawing the newest version asks what becomes of the machines that have it, and says how many they are", async () => {
  const { vendor, first, second, withdraw, states } = await secondOn(3);
  expect(await withdraw(second)).toMatchObject({
    code: 4,
    answer: {
      error: {
        code: "conflict",
        machines: 3,
        former: [first],
        detail: expect.stringMatching(/--restore.*--no-replacement/),
      },
    },
  });
  const words = await run(["withdraw", second, "--vendor", vendor, "--reason", "It leaks"], {});
  expect(words.err).toContain(`3 machines have ${second} and would be left exposed`);
  expect(await withdraw(second, "--restore", "--no-replacement")).toMatchObject({ code: 2 });
  expect(await states()).toEqual({ [first]: "superseded", [second]: "live" });
});

it("the earlier version is live again in the same edit, byte for byte and without new evidence, and stays so when it is said again", async () => {
  const { first, second, withdraw, states } = await secondOn(1);
  const before = await service.stores.patches.get(first);
  const { code, answer } = await withdraw(second, "--restore");
  expect({ code, ...answer }).toMatchObject({
    code: 0,
    withdrawn: true,
    machines: 1,
    restored: [first],
    roleVersion: 3,
  });
  expect(await service.stores.patches.get(first)).toEqual({ ...before, state: "live" });
  expect(await withdraw(second, "--restore")).toMatchObject({ code: 0, answer: { withdrawn: false, restored: [] } });
  expect(await states()).toEqual({ [first]: "live", [second]: "withdrawn" });
  // The last one has nothing before it
  expect(await withdraw(first, "--restore")).toMatchObject({ code: 1, answer: { error: { code: "not-found" } } });
  expect(await withdraw(first)).toMatchObject({ code: 0, answer: { withdrawn: true } });
});

it("without a replacement nothing comes back, until the vendor asks for it after all; where no machine has it nothing is asked", async () => {
  const { first, second, withdraw, states } = await secondOn(2);
  expect(await withdraw(second, "--no-replacement")).toMatchObject({
    code: 0,
    answer: { withdrawn: true, restored: [] },
  });
  expect(await states()).toEqual({ [first]: "superseded", [second]: "withdrawn" });
  expect(await withdraw(second, "--restore")).toMatchObject({ code: 0, answer: { restored: [first] } });
  expect(await states()).toEqual({ [first]: "live", [second]: "withdrawn" });

  const unused = await secondOn(0);
  expect(await unused.withdraw(unused.second)).toMatchObject({ code: 0, answer: { withdrawn: true, machines: 0 } });
});

it("what another patch took the place of comes back with its withdrawal, also past a version between them that was withdrawn", async () => {
  const { vendor, publish, first, second, withdraw, states } = await secondOn(0);
  const better = `${vendor}/echod/stable/better@1`;
  const { folder } = await patchFolder({ patch: "better", supersedes: ["bounds-check@2"] });
  expect(await publish(folder, "--channel", "stable", ...because)).toMatchObject({ code: 0 });
  // What stands in its place is live, so nothing is asked of what is withdrawn behind it
  expect(await withdraw(second)).toMatchObject({ code: 0 });
  expect(await withdraw(better, "--restore")).toMatchObject({ code: 0, answer: { restored: [first] } });
  expect(await states()).toEqual({ [first]: "live", [second]: "withdrawn", [better]: "withdrawn" });
});
