import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { configWith } from "../config/config.ts";
import { withLock } from "../open.ts";
import { runLoop } from "../round/loop.ts";
import { runRound } from "../round/round.ts";
import { takeAsk } from "../state/ask.ts";
import { apply } from "./apply.ts";
import { pin, unpin } from "./pin.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost({ millis: Date.now() }));
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });
const of = (patch: string) => ({ config: configWith({ state: host.state }), patch });

it("nothing takes the place of a patch that is pinned, the service is told, and unpinned the plan decides", async () => {
  const first = await service.publish("fix", buildId);
  const second = await service.publish("better", buildId, { supersedes: ["fix@1"] });
  await expect(pin(of(first.patch))).rejects.toMatchObject({ code: "unknown-patch" });
  service.actions = [first];
  await round();
  await pin(of(first.patch));

  service.actions = [{ do: "undo", patch: first.patch, because: "superseded" }, second];
  expect(await round()).toMatchObject({
    results: [{ patch: second.patch, code: "held", detail: `An administrator of this host pins ${first.patch}` }],
  });
  expect(host.events.filter(({ event }) => event === "refused")).toEqual([]);
  await round();
  expect(service.checkIns.at(-1)?.patches).toContainEqual(
    expect.objectContaining({ patch: second.patch, heldHere: true }),
  );
  expect(host.engine.pidsWith(first.patch)).toEqual([1, 2]);

  expect(await unpin(of(first.patch))).toMatchObject({ json: { released: [second.patch] } });
  await round();
  expect(host.engine.pidsWith(first.patch)).toEqual([]);
  expect(host.engine.pidsWith(second.patch)).toEqual([1, 2]);
});

it("a signed recall takes a pinned patch out", async () => {
  const first = await service.publish("fix", buildId);
  service.actions = [first];
  await round();
  await pin(of(first.patch));
  await service.recall("fix@1");
  service.actions = [{ do: "undo", patch: first.patch, because: "recall" }];
  await round();
  expect(host.engine.pidsWith(first.patch)).toEqual([]);
});

it("apply has the agent that runs check in at once, and says what became of the patch that is named", async () => {
  const [first, other] = [await service.publish("fix", buildId), await service.publish("other", buildId)];
  service.actions = [first, { do: "hold", patch: other.patch, because: "outside-window" }];
  await withLock(host.state, async () => {
    const asked = apply({ ...of(first.patch), json: true });
    while (!takeAsk(host.agent.patches)) await sleep(20);
    await round();
    expect(await asked).toMatchObject({ json: { patch: first.patch, state: "applied" } });
    const second = apply({ ...of(other.patch), json: true });
    while (!takeAsk(host.agent.patches)) await sleep(20);
    await round();
    expect(await second).toMatchObject({ exit: 4, json: { verdict: "outside-window" } });
  });
});

it("an agent that runs and is asked checks in though its next poll is far", async () => {
  const stop = new AbortController();
  let turns = 0;
  host.agent.clock.sleep = async () => {
    if (++turns > 3) stop.abort();
  };
  await round();
  const before = service.checkIns.length;
  const asked = () => turns === 2;
  await runLoop(host.agent, { signal: stop.signal, wake: () => new AbortController().signal, asked });
  expect(service.checkIns.length).toBe(before + 1);
});
