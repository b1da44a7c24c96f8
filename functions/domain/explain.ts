import { type Explanation, sentences } from "../../protocol/wire/explain.ts";
import { decidePlan } from "./plan.ts";
import type { PlanInputs } from "./verdict.ts";

/** Why a machine does or does not get a patch, in the words of the function that plans. A patch that is not there is `unknown`. */
export function explain(inputs: PlanInputs, patch: string): Explanation {
  const { judgements, actions } = decidePlan(inputs);
  const judgement = judgements.get(patch);
  if (judgement === undefined)
    return {
      patch,
      verdict: "unknown",
      sentence: sentences.unknown,
      changesAt: null,
    };
  const { verdict, changesAt } = judgement;
  const action = actions.find((each) => each.patch === patch)?.do ?? null;
  const until = changesAt === undefined ? null : new Date(changesAt * 1000).toISOString();
  const undoing = action === "undo" ? " The next plan takes it out." : "";
  return { patch, verdict, sentence: sentences[verdict] + undoing, changesAt: until };
}
