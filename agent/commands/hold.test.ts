import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { configWith } from "../config/config.ts";
import { runRound } from "../round/round.ts";
import { explain } from "./explain.ts";
import { hold } from "./hold.ts";
import { release } from "./undo.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost({ millis: Date.now() }));
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });
const why = async (patch: string) => (await explain({ config: configWith({ state: host.state }), patch })).json;

it("a patch that is held before any plan brings it stays away, the service is told, and a release lets the plan decide", async () => {
  const apply = await service.publish("fix", buildId);
  const of = { config: configWith({ state: host.state }), patch: apply.patch };
  expect(await why(apply.patch)).toMatchObject({ verdict: "unknown", plan: null, stale: false });
  await expect(hold({ ...of, ahead: false })).rejects.toMatchObject({ code: "unknown-patch" });
  await hold({ ...of, ahead: true });
  service.actions = [apply];
  expect(await round()).toMatchObject({ results: [{ code: "held" }] });
  expect(service.checkIns.at(-1)?.patches).toMatchObject([{ patch: apply.patch, heldHere: true }]);
  expect(await why(apply.patch)).toMatchObject({ verdict: "held-by-host", plan: { seq: 1 } });
  expect(host.engine.pidsWith(apply.patch)).toEqual([]);

  await release(of);
  await round();
  expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2]);
  expect(await why(apply.patch)).toMatchObject({ verdict: "there", state: "applied" });
  await expect(hold({ ...of, ahead: false })).rejects.toMatchObject({ code: "conflict" });
});

it("the reason that a plan gives is explained in the service's own words", async () => {
  const { patch } = await service.publish("fix", buildId);
  service.actions = [{ do: "hold", patch, because: "outside-window" }];
  await round();
  const { json, text } = await explain({ config: configWith({ state: host.state }), patch });
  expect(json).toMatchObject({ verdict: "outside-window", sentence: "No maintenance window is open." });
  expect(text).toMatch(/^outside-window: No maintenance window is open\.\nBy plan 1, verified /);
});
