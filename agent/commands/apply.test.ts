import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import { servedHost, type TestHost } from "../../test/support/agent/host.ts";
import { configWith } from "../config/config.ts";
import { runRound } from "../round/round.ts";
import { takeAsk } from "../state/ask.ts";
import { lockState } from "../state/lock.ts";
import { apply } from "./apply.ts";

let directory: string;
let host: TestHost;
beforeEach(async () => {
  ({ directory, host } = await servedHost({ millis: Date.now() }));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What an agent that runs does once it is asked. */
async function answerOnce(agent = host.agent): Promise<void> {
  while (!takeAsk(agent.patches)) await sleep(10);
  await runRound(agent, { force: true }).catch(() => {});
}

it("apply beside an agent that runs ends with its round: with a plan, or with why there is none, however long the service has been away", async () => {
  const release = lockState(host.state);
  const asking = () => apply({ config: configWith({ state: host.state }), json: true });
  const gone = () => Promise.reject(new SutureError("unreachable", "https://suture.test cannot be reached"));
  const alone = { ...host.agent, service: { ...host.agent.service, checkIn: gone, poll: gone } };
  try {
    for (let time = 1; time <= 2; time++) {
      const [asked] = await Promise.allSettled([asking(), answerOnce(alone)]);
      expect(asked).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
      expect(host.agent.session.read()?.failed).toMatchObject({ code: "unreachable", times: time });
    }
    const [done] = await Promise.all([asking(), answerOnce()]);
    expect(done).toMatchObject({ json: { ok: true, patches: [] } });
    expect(host.agent.session.read()).toMatchObject({ failed: null, awaySince: null });
  } finally {
    release();
  }
});
