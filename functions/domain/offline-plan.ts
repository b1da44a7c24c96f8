import type { OfflinePlan } from "../../protocol/wire/offline.ts";
import { judgeOf, type PlanInputs, type Verdict } from "./verdict.ts";

type Inputs = Pick<PlanInputs, "mode" | "subscriptions" | "patches" | "control" | "now"> & { group: string };
export type OfflineDecision = {
  actions: OfflinePlan["actions"];
  /** what is live in the customer's channels and not in the plan, and why */
  heldBack: { patch: string; because: Verdict }[];
};

/**
 * Decides what the hosts of a group may do without the service: what every one of them might be ordered to do now. What only some of
 * them would get, since a wave is not open for all, waits. Windows are whoever carries the file's to keep; a host decides by itself
 * what fits it.
 */
export function decideOfflinePlan({ group, ...inputs }: Inputs): OfflineDecision {
  const { control, patches } = inputs;
  const policies = control.policies.map((each) => ({ ...each, policy: { ...each.policy, windows: [] } }));
  const facts = { hostname: "", os: "", arch: "", kernel: "", bootId: "", agent: "", builds: [], engines: [] };
  const machine = { id: "", group, tags: [] };
  const judge = judgeOf({ ...inputs, control: { ...control, policies }, machine, facts, held: [] }, [], () => true);

  const actions: OfflineDecision["actions"] = [];
  const heldBack: OfflineDecision["heldBack"] = [];
  for (const patch of patches) {
    const { verdict } = judge(patch);
    const rollout = control.rollouts.get(patch.id);
    const isForAll = rollout === undefined || rollout.state === "done" || rollout.wave >= rollout.waves.length - 1;
    if (verdict === "withdrawn") actions.push({ do: "undo", patch: patch.id, because: "recall" });
    else if (verdict === "apply" && isForAll)
      actions.push({ do: "apply", patch: patch.id, manifest: patch.manifestSha256 });
    else if (verdict !== "superseded")
      heldBack.push({ patch: patch.id, because: verdict === "apply" ? "wave-not-open" : verdict });
  }
  return { actions, heldBack };
}
