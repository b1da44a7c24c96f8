import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Policy, PolicyView, Rule } from "../../protocol/wire/policy.ts";

/** A machine as policies, pins and waves see it. */
export type PlannedMachine = {
  id: string;
  group: string;
  tags: readonly string[];
  facts: Pick<HostFacts, "hostname" | "os" | "arch" | "kernel">;
};

/** What holds where a customer said nothing: every machine at once, by itself, and a halt touches nothing that is patched. */
const defaults: Policy = {
  apply: "auto",
  windows: [],
  critical: "as-planned",
  waves: [{ share: 1, bakeMinutes: 0 }],
  failureLimit: 0.05,
  onHalt: "keep",
  onRecall: "undo",
  agent: "all",
};

/**
 * What holds for one machine: the defaults, then the group's own mode, then each policy for it, those for everybody first, then by
 * their order; what a later one says replaces what an earlier one said, member by member (docs/rollouts.md).
 */
export function policyFor(
  machine: PlannedMachine,
  policies: readonly PolicyView[],
  mode: "auto" | "report",
): Pick<Policy, "apply" | "windows" | "critical" | "onRecall" | "agent"> {
  const fitting = inOrder(policies.filter((each) => isFor(each, machine)));
  return Object.assign({}, defaults, { apply: mode }, ...fitting.map(({ policy }) => policy));
}

/** How a customer's rollouts go: what the policies for everybody say. */
export function rolloutPolicy(policies: readonly PolicyView[]): Pick<Policy, "waves" | "failureLimit" | "onHalt"> {
  const { waves, failureLimit, onHalt }: Policy = Object.assign(
    {},
    defaults,
    ...inOrder(policies.filter(isForEverybody)).map(({ policy }) => policy),
  );
  return { waves, failureLimit, onHalt };
}

/** Policies as they add up: those for every machine first, then by their order; the last that says something decides. */
export function inOrder(policies: readonly PolicyView[]): PolicyView[] {
  const general = (policy: PolicyView) => (isForEverybody(policy) ? 0 : 1);
  return policies.toSorted(
    (one, other) => general(one) - general(other) || one.order - other.order || (one.name < other.name ? -1 : 1),
  );
}

function isForEverybody({ group, rule }: PolicyView): boolean {
  return group === undefined && rule === undefined;
}

/** Whether a policy is for a machine. */
export function isFor({ group, rule }: PolicyView, machine: PlannedMachine): boolean {
  return (group === undefined || group === machine.group) && (rule === undefined || fits(rule, machine));
}

function fits({ tags = [], ...texts }: Rule, machine: PlannedMachine): boolean {
  const matches = (["hostname", "os", "arch", "kernel"] as const).every((name) => {
    const pattern = texts[name];
    return pattern === undefined || globFits(pattern, machine.facts[name]);
  });
  return matches && tags.every((tag) => machine.tags.includes(tag));
}

/** Whether a text fits a pattern in which `*` stands for anything. Takes time in proportion to both, whatever they are. */
function globFits(pattern: string, text: string): boolean {
  const [first = "", ...parts] = pattern.split("*");
  if (parts.length === 0) return text === pattern;
  const last = parts.pop() ?? "";
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
