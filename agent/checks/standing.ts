import { secondsOf } from "../agent.ts";
import { isStale } from "../round/due.ts";
import { isLocked } from "../state/lock.ts";
import { isPartlyApplied, type PatchRecord, patchesStore } from "../state/patches.ts";
import { refusalsFile } from "../state/refusals.ts";
import type { Session } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import { refusalLine } from "../trust/refusals.ts";
import type { Check } from "./check.ts";

/** What to do about a patch that is not as it should be; docs/agent.md says the same. */
const mends: Partial<Record<PatchRecord["state"], string>> = {
  failed: "It is tried again after an hour: read the detail.",
  blocked: "It is tried again: end what is in its way, or restart its target.",
  stalled: "It is tried again after a quarter of an hour: `suture-agent status` names the tasks that are waited for.",
  quarantined: "It made its target unhealthy: tell the vendor. `suture-agent release` lets plans try again.",
  "undo-pending": "Tried at every turn: restarting its target ends it too.",
};

const mendOfPartial = "Restart the processes that are named, or end what holds them: the agent patches them by itself.";

const mendOfRefusal =
  "Nothing was done of it. See what stands between this host and the service, a proxy or a mirror, then tell your administrator.";

/** How an enrolled host stands: with an agent that works, with the service, with its patches. */
export function standingChecks(state: string, session: Session): Check[] {
  const stale = isStale(session, secondsOf(systemClock));
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  const plan: Check = {
    name: "plan",
    ok: !stale,
    detail: session.plan === null ? "none yet" : `${session.plan.seq}, verified ${at(session.verifiedAt)}`,
    ...(stale && { mend: "Nothing new installs until it reaches the service: see the checks above." }),
  };
  const running = isLocked(state);
  const agent: Check = {
    name: "agent",
    ok: running,
    optional: true,
    detail: running ? "runs" : "does not run; a timer may call it",
    ...(!running && { mend: "systemctl enable --now suture-agent, or suture-agent.timer" }),
  };
  const patches = patchesStore(state)
    .all()
    .flatMap(({ patch, state: code, detail, partial }): Check[] => {
      if (isPartlyApplied({ state: code, partial }))
        return [{ name: "patch", ok: false, detail: `${patch} is applied in part: ${detail}`, mend: mendOfPartial }];
      const mend = mends[code];
      return mend === undefined ? [] : [{ name: "patch", ok: false, detail: `${patch} is ${code}: ${detail}`, mend }];
    });
  const refusals = (refusalsFile(state).read() ?? [])
    .filter(({ over }) => over === undefined)
    .map((each): Check => ({ name: "refused", ok: false, detail: refusalLine(each), mend: mendOfRefusal }));
  return [agent, plan, ...refusals, ...patches];
}
