import { type AgentEvent, secondsOf } from "../agent.ts";
import { type ConfigSources, readConfig } from "../config/read.ts";
import { isCopy } from "../enrolment/join.ts";
import { openAgent, withLock } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { recover } from "../patches/recover.ts";
import { takeNextIdentity } from "../state/next-identity.ts";
import { isOfKernel } from "../state/patches.ts";
import { systemClock } from "../system/clock.ts";
import { printEvent } from "./events.ts";
import { exitCode, type Result } from "./output.ts";

/**
 * `suture-agent boot`: puts the kernel's patches back, early at boot, from what was verified and kept. Needs no network. What the
 * machine went down with stays out.
 */
export async function boot({ sources, json }: { sources: ConfigSources; json: boolean }): Promise<Result> {
  const { config, problems } = await readConfig(sources);
  // A word misspelt must not keep a host from the patches that it had
  for (const { from, reason } of problems) process.stderr.write(`not used: ${from}: ${reason}\n`);
  const { state } = config;
  const off = whyOff(state);
  if (off !== undefined) return { json: { ok: true, off, patches: [] }, text: `Switched off: ${off}.` };
  return await withLock(state, async () => {
    takeNextIdentity(state);
    if (isCopy(state)) {
      return {
        json: { ok: true, off: null, patches: [] },
        text: "This is a copy of another host: it enrols anew first.",
      };
    }
    const events: AgentEvent[] = [];
    const tell = (event: AgentEvent) => {
      events.push(event);
      if (!json) printEvent(event, false);
    };
    const agent = await openAgent(config, tell, { isOnline: false });
    const started = secondsOf(systemClock);
    await recover(agent);
    const patches = agent.patches
      .all()
      .filter((record) => isOfKernel(record) || record.since >= started)
      .map(({ patch, state: code, detail }) => ({ patch, state: code, detail }));
    const ok = patches.every(
      (each) => each.state === "applied" || each.state === "not-applicable" || each.state === "undone",
    );
    const applied = patches.filter((each) => each.state === "applied").length;
    return {
      json: { ok, off: null, patches },
      text: `${applied} of ${patches.length} patches are in.`,
      exit: ok ? exitCode.ok : exitCode.attention,
    };
  });
}
