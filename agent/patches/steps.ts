import { z } from "zod";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { OutcomeCode } from "../../protocol/wire/host.ts";
import type { Variant } from "../../protocol/wire/patch.ts";
import type { Agent } from "../agent.ts";
import type { Engine, Outcome, VerifiedPatch } from "../engines/engine.ts";

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
    if (step === "apply" && isIn(outcome)) agent.processes.remember(patch.id, processesIn(outcome));
    if (!isIn(outcome) && outcome.code !== "not-applicable") break;
  }
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

const Evidence = z.object({ processes: z.array(z.object({ pid: z.number(), code: z.string() })) });

/** The processes that an engine says have the patch now; none for an engine whose target is the kernel. */
function processesIn({ evidence }: Outcome): number[] {
  const { processes } = Evidence.safeParse(evidence).data ?? { processes: [] };
  return processes.filter(({ code }) => code === "applied" || code === "already-applied").map(({ pid }) => pid);
}

/** Whether the patch is in wherever it belongs. */
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
  return others.length === 0
    ? worst
    : { ...worst, evidence: { parts: outcomes.map(({ code, evidence }) => ({ code, ...evidence })) } };
}
