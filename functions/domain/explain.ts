import type { Explanation } from "../../protocol/wire/explain.ts";
import { decidePlan } from "./plan.ts";
import type { PlanInputs, Verdict } from "./verdict.ts";

const sentences: Record<Verdict, string> = {
  apply: "It is about to be applied: the machine gets it at its next check-in.",
  there: "It is applied.",
  withdrawn: "The vendor withdrew it; where it is applied it is undone.",
  superseded: "The vendor no longer offers it.",
  replaced: "A newer patch takes its place.",
  cloned: "Two hosts answer to the machine's identity: enrol one of them anew.",
  "held-by-host": "An administrator of the host holds it there; that goes before every plan.",
  "not-entitled": "No running subscription covers its channel.",
  "no-variant": "Nothing that runs on the machine is what it is for.",
  quarantined: "It was undone there because a health check failed, and is not tried again.",
  "held-for-everyone": "It is held for everyone until the vendor answers.",
  "vendor-stopped": "The operator stopped its vendor: nothing of it is applied anew until the stop is lifted.",
  "recall-kept": "It was withdrawn, and the machine's policy keeps it until a person decides.",
  "rollout-halted": "Its rollout is halted or aborted.",
  "failed-before": "It failed there, and is tried again an hour later.",
  "stalled-before":
    "Tasks stayed in the old code for its whole deadline; it is tried again a quarter of an hour later.",
  "kernel-not-booted": "It is for the kernel that is installed: reboot into it.",
  "kernel-ended": "The vendor makes no patches for the running kernel any more: boot one that is looked after.",
  pinned: "A pin keeps it out.",
  "no-seat": "Every seat of the subscription is taken by another machine.",
  "report-only": "The machine's policy only reports.",
  "awaiting-approval": "The machine's policy asks first, and nobody approved the rollout yet.",
  "wave-not-open": "The machine is in a later wave of the rollout.",
  "outside-window": "No maintenance window is open.",
  "waiting-for-requirement": "It needs another patch first, which the machine does not get now.",
};

/** Why a machine does or does not get a patch, in the words of the function that plans. A patch that is not there is `unknown`. */
export function explain(inputs: PlanInputs, patch: string): Explanation {
  const { judgements, actions } = decidePlan(inputs);
  const judgement = judgements.get(patch);
  if (judgement === undefined)
    return {
      patch,
      verdict: "unknown",
      sentence: "There is no such patch in the customer's channels.",
      changesAt: null,
    };
  const { verdict, changesAt } = judgement;
  const action = actions.find((each) => each.patch === patch)?.do ?? null;
  const until = changesAt === undefined ? null : new Date(changesAt * 1000).toISOString();
  const undoing = action === "undo" ? " The next plan takes it out." : "";
  return { patch, verdict, sentence: sentences[verdict] + undoing, changesAt: until };
}
