import type { Policy, PolicyView, Rule, Weekday, Window } from "../../../../protocol/wire/policy.ts";
import { number } from "./formats.ts";
import { rollout } from "./rollouts.ts";

const days: Record<Weekday, string> = {
  mon: "Mon",
  tue: "Tue",
  wed: "Wed",
  thu: "Thu",
  fri: "Fri",
  sat: "Sat",
  sun: "Sun",
};
const apply: Record<Policy["apply"], string> = {
  auto: "applies by itself",
  ask: "asks first",
  report: "only reports",
};
const critical: Record<Policy["critical"], string> = {
  "at-once": "critical patches at once",
  "as-planned": "critical patches as planned",
};
const onHalt: Record<Policy["onHalt"], string> = {
  undo: "a halt undoes",
  keep: "a halt keeps what is applied",
};
const percent = (share: number) => `${number(Math.round(share * 1000) / 10)} %`;
const windowOf = ({ days: on, from, to, timeZone }: Window) =>
  `${on.map((day) => days[day]).join(" ")} ${from} to ${to} (${timeZone})`;

export const policies = {
  title: "Policies",
  lead: "How your machines are patched: what applies by itself, when, and in which waves. For each machine the last policy that says something decides.",
  add: "New policy",
  name: "Policy",
  whom: "For",
  says: "Says",
  order: "Order",
  defaults: "Defaults",
  defaultsSay:
    "applies by itself · at any time · critical patches as planned · one wave of everything · halts above 5 % · a halt keeps what is applied",
  everybody: "every machine",
  group: (name: string) => `group ${name}`,
  rule: (rule: Rule) =>
    Object.entries(rule)
      .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" + ") : value}`)
      .join(", "),
  precedence: "How they add up",
  precedenceSays: [
    "The defaults come first.",
    "Then the group's own mode.",
    "Then policies for every machine, by their order.",
    "Then policies for a group or a rule, by their order. A later one replaces what an earlier one says, member by member.",
    "Pins, halts and holds on the host stand above all of them; a critical patch passes windows, waves and approval where a policy says so.",
  ],
  readMore: "A machine's page says for each patch which of them decided.",
  empty: "No policy yet: the defaults hold, and every patch goes to every machine at once.",
  groups: "Groups",
  groupName: "Group",
  mode: "Its own mode",
  modes: { auto: "applies by itself", report: "only reports" },
  ownPolicies: "Policies for it",
  noPolicies: "those for every machine",
  noGroups: "A group is made with the first enrolment token that names it.",
  tokenFor: "Make an install command",
  days,
  summary(policy: PolicyView["policy"]): string {
    const waves = policy.waves?.map(({ share, groups = [], bakeMinutes }) =>
      [...groups, ...(share === undefined ? [] : [percent(share)])]
        .join(" + ")
        .concat(` for ${rollout.minutes(bakeMinutes)}`),
    );
    return [
      policy.apply && apply[policy.apply],
      policy.windows && (policy.windows.length === 0 ? "at any time" : policy.windows.map(windowOf).join(" or ")),
      policy.critical && critical[policy.critical],
      waves && `waves ${waves.join(", ")}`,
      policy.failureLimit !== undefined && `halts above ${percent(policy.failureLimit)}`,
      policy.onHalt && onHalt[policy.onHalt],
    ]
      .filter(Boolean)
      .join(" · ");
  },
};

export const policy = {
  newTitle: "New policy",
  fields: {
    name: "Name",
    nameHint: "Small letters, digits and hyphens.",
    group: "Group",
    groupHint: "Empty: machines of every group.",
    hostname: "Host name",
    os: "System",
    arch: "Architecture",
    kernel: "Kernel",
    glob: "* stands for anything.",
    tags: "Tags",
    tagsHint: "All of them, with spaces between.",
    order: "Order",
    orderHint: "Of two policies for a machine the higher one decides.",
    apply: "Patches",
    critical: "Critical patches",
    windows: "Maintenance windows",
    from: "From",
    to: "To",
    zone: "Time zone",
    waves: "Waves",
    share: "Up to %",
    waveGroups: "Groups",
    bake: "Minutes watched",
    failureLimit: "Halt above % of failures",
    failureHint: "Weighed by the lower end of the 95 % interval, from ten tries on.",
    onHalt: "A halt",
  },
  whom: "Whom it is for",
  what: "What it says",
  how: "How rollouts go",
  howHint:
    "Only a policy for every machine says this. The last wave takes 100 %. Rollouts that have begun keep their waves.",
  unsaid: "not said here",
  apply: { auto: "apply by themselves", ask: "ask first", report: "are only reported" } satisfies Record<
    Policy["apply"],
    string
  >,
  critical: { "at-once": "at once, past window, wave and approval", "as-planned": "as planned" } satisfies Record<
    Policy["critical"],
    string
  >,
  onHalt: { undo: "undoes what is applied", keep: "keeps what is applied" } satisfies Record<Policy["onHalt"], string>,
  when: { any: "at any time", windows: "in these windows" },
  window: (at: number) => `Window ${number(at)}`,
  wave: (at: number) => `Wave ${number(at)}`,
  moreRows: "Save to get room for more.",
  preview: "Preview",
  save: "Save",
  remove: "Remove this policy",
  removes: "Its machines go by what the other policies say, from their next check-in on.",
  matches: "Who matches",
  matchesOf: (fitting: number, looked: number) =>
    `${number(fitting)} of ${number(looked)} machines looked at. Nothing is saved yet.`,
  more: (looked: number) => `The first ${number(looked)} machines were looked at; there are more.`,
  none: "No machine matches. A rule wants all that it says.",
  machine: "Machine",
  machineGroup: "Group",
  effect: "What then holds for it",
  readOnly: "Your role may look. Owners and operators change policies.",
};

export const pins = {
  title: "Pins",
  lead: "A pin keeps versions of a patch away until its day. What it leaves open stands beside it.",
  add: "New pin",
  name: "Pin",
  patch: "Patch",
  newest: "Lets in",
  upTo: (version: number | null) => (version === null ? "no version" : `up to version ${number(version)}`),
  whom: "For",
  everybody: "every machine",
  machine: (id: string) => `machine ${id}`,
  reason: "Why",
  until: "Until",
  ended: "It has ended, and keeps nothing out.",
  open: "Leaves open",
  nothingOpen: "no CVE",
  empty: "No pins. Machines get whatever their policies let in.",
  newTitle: "New pin",
  fields: {
    name: "Name",
    nameHint: "Small letters, digits and hyphens.",
    patch: "Patch",
    patchHint: "vendor/product/patch, without channel and version.",
    newest: "Newest version to let in",
    newestHint: "Empty: none.",
    group: "Group",
    machine: "Machine id",
    whomHint: "Empty, both: every machine.",
    reason: "Why",
    until: "Until (UTC)",
    untilHint: "It ends then by itself: a pin without an end is a hole that nobody sees.",
  },
  save: "Save",
  end: "End this pin",
  ends: "What it keeps out comes with the machines' next check-in.",
  readOnly: "Your role may look. Owners and operators change pins.",
};
