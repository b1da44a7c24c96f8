import { afterAll, expect, it } from "vitest";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, suture, done, newVendor, patchFolder } = cli;
afterAll(() => cli.stop());

const day = 86_400_000;

it("a promotion wants ten machines on which this very patch was well for a day, or a reason that is logged", async () => {
  const { vendor, publish } = await newVendor();
  const { folder } = await patchFolder();
  expect(await publish(folder, "--channel", "stable")).toMatchObject({
    code: 4,
    answer: { error: { code: "no-evidence", healthy: 0 } },
  });
  await publish(folder);
  const promote = (...rest: string[]) =>
    suture(["promote", "echod/edge/bounds-check@1", "--vendor", vendor, ...rest], {});
  const well = (channel: string, machine: string, days: number) =>
    service.stores.states.record({
      machine: `${vendor}-${machine}`,
      patchId: `${vendor}/echod/${channel}/bounds-check@1`,
      customer: "globex",
      state: "applied",
      action: "apply",
      detail: "",
      at: Date.now() - days * day,
      receipt: 1,
    });
  for (let number = 0; number < 9; number++) await well("edge", String(number), 2);
  await well("edge", "too-new", 0.5);
  expect(await promote()).toMatchObject({ code: 4, answer: { error: { code: "no-evidence", healthy: 9 } } });
  expect(await promote("--to", "beta")).toMatchObject({ code: 0, answer: { published: true } });
  await well("beta", "of-beta", 2);
  expect(await promote()).toMatchObject({ code: 0, answer: { patch: `${vendor}/echod/stable/bounds-check@1` } });
  expect(await promote()).toMatchObject({ code: 0, answer: { published: false } });

  const other = await patchFolder({ version: 2 });
  const override = ["--override", "It is exploited right now"];
  expect(await publish(other.folder, "--channel", "stable", ...override)).toMatchObject({ code: 0 });
  const { entries } = await done(["audit", "--vendor", vendor]);
  expect(entries[0]).toMatchObject({ after: { role: "echod.stable", override: "It is exploited right now" } });
});
