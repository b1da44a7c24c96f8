import { describeError, SutureError } from "../../protocol/errors.ts";
import type { OutcomeCode } from "../../protocol/wire/host.ts";
import type { Variant } from "../../protocol/wire/patch.ts";
import type { Agent } from "../agent.ts";
import type { Engine, Outcome, VerifiedPatch } from "../engines/engine.ts";
import { partialOf, patchedIn } from "./processes-of-outcome.ts";

/** Worst first: the code of the whole is that of its worst part. */
const severity: readonly OutcomeCode[] = [
  "failed",
  "unsupported",
  "stalled",
  "blocked",
  "undo-pending",
  "needs-reboot",
  "quarantined",
  "applied",
  "undone",
  "already-applied",
  "not-applicable",
];

/**
 * Has each variant's engine take one step. Stops at the first that cannot; a variant whose target went away does not count beside
 * one that has a target. A fault of an engine is a failed outcome, with its cause in words.
 */
export async function takeStep(
  agent: Pick<Agent, "engines" | "processes">,
  variants: readonly VerifiedPatch[],
  step: "check" | "stage" | "apply" | "verify",
): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const patch of variants) {
    const outcome = await withEngine(agent, patch.variant.engine, (engine) => engine[step](patch));
    outcomes.push(outcome);
    if (!isIn(outcome) && outcome.code !== "not-applicable") break;
  }
  const [first] = variants;
  const isApplied = step === "apply" && outcomes.some(isIn);
  if (first !== undefined && isApplied) agent.processes.remember(first.id, outcomes.flatMap(patchedIn));
  return summary(outcomes);
}

/** Has every engine concerned take a patch back. `undone` where nothing of it was in. */
export async function takeBack(
  agent: Pick<Agent, "engines">,
  patch: string,
  variants: readonly ({ engine: Engine["name"] } | Variant)[],
): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const builds = variants.flatMap((each) => ("match" in each && "buildId" in each.match ? [each.match.buildId] : []));
  for (const name of new Set(variants.map(({ engine }) => engine))) {
    outcomes.push(await withEngine(agent, name, (engine) => engine.undo(patch, builds)));
  }
  return summary(outcomes);
}

/** Where a patch is in now: processes and modules, each by a name that another never has at the same time. */
export async function targetsOf({ engines }: Pick<Agent, "engines">, patch: string): Promise<string[]> {
  const lists = await Promise.all([...engines.values()].map((engine) => engine.list()));
  const targets = lists.flat().filter(({ id }) => id === patch);
  return targets.flatMap((each) =>
    each.targets.map(({ name, pid }) => (pid === undefined ? name : `${name} (${pid})`)),
  );
}

/** Whether the patch is in: wherever it belongs, or, where the outcome counts processes that lack it (`partial`), in the others. */
export function isIn({ code }: Pick<Outcome, "code">): boolean {
  return code === "applied" || code === "already-applied";
}

async function withEngine(
  { engines }: Pick<Agent, "engines">,
  name: Engine["name"],
  work: (engine: Engine) => Promise<Outcome>,
): Promise<Outcome> {
  const engine = engines.get(name);
  if (engine === undefined) return { code: "unsupported", detail: `This agent has no ${name} engine`, evidence: {} };
  try {
    return await work(engine);
  } catch (error) {
    const code = error instanceof SutureError ? error.code : "engine-failed";
    return { code: "failed", detail: describeError(error), evidence: { error: code } };
  }
}

function summary(outcomes: readonly Outcome[]): Outcome {
  const [worst, ...others] = [...outcomes].sort(
    (one, other) => severity.indexOf(one.code) - severity.indexOf(other.code),
  );
  if (worst === undefined) return { code: "undone", detail: "Nothing of it was in", evidence: {} };
  if (others.length === 0) return worst;
  const partial = partialOf(outcomes);
  const told = outcomes.find(({ evidence }) => isIn(worst) && evidence.partial !== undefined) ?? worst;
  const parts = outcomes.map(({ code, evidence }) => ({ code, ...evidence }));
  return { code: worst.code, detail: told.detail, evidence: { parts, ...(partial && { partial }) } };
}
