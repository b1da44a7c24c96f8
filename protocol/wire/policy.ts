import { z } from "zod";
import { AgentRing } from "./agent-release.ts";
import { Name, PatchVersion } from "./names.ts";

export const Weekday = z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
export type Weekday = z.infer<typeof Weekday>;
const TimeOfDay = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, "HH:MM");

/** When machines may change: on these days, from one time of day to another, in one time zone. */
export const Window = z.strictObject({
  timeZone: z.string().max(64).refine(isTimeZone, "an IANA time zone, such as Europe/Zurich"),
  days: z.array(Weekday).min(1).max(7),
  from: TimeOfDay,
  to: TimeOfDay.describe("Not after `from`: the window ends on the day after"),
});
export type Window = z.infer<typeof Window>;

/** One step of a rollout: a share of all machines, counted from the first wave on, or whole groups, or both. */
export const Wave = z
  .strictObject({
    share: z.number().gt(0).max(1).optional().describe("This share of the machines, those of earlier waves included"),
    groups: z.array(Name).min(1).max(64).optional(),
    bakeMinutes: z
      .number()
      .int()
      .min(0)
      .max(40_320)
      .describe("How long the wave is watched before the next one may begin"),
  })
  .refine(({ share, groups }) => share !== undefined || groups !== undefined, "a wave takes a share or groups");
export type Wave = z.infer<typeof Wave>;

/** What a customer decides about patching; what a policy leaves out, one that comes before it says (docs/rollouts.md). */
export const Policy = z.strictObject({
  apply: z.enum(["auto", "ask", "report"]).describe("By itself, after somebody approved the rollout, or never"),
  windows: z.array(Window).max(32).describe("None: at any time"),
  critical: z.enum(["at-once", "as-planned"]).describe("at-once: neither window, wave nor approval is waited for"),
  waves: z
    .array(Wave)
    .min(1)
    .max(16)
    .refine((waves) => waves.at(-1)?.share === 1, "the last wave takes the share 1")
    .refine(grows, "a wave's share is not below the one before it"),
  failureLimit: z
    .number()
    .min(0)
    .lt(1)
    .describe("A rollout halts when more than this share fails, by the lower end of the 95 % interval"),
  onHalt: z.enum(["undo", "keep"]).describe("What a halt does with the machines that are patched already"),
  agent: z
    .enum([...AgentRing.options, "never"])
    .describe(
      "When machines get a release of the agent: with the first, some days later, with everybody; never: by other means",
    ),
  onRecall: z
    .enum(["undo", "keep"])
    .describe("What a recall does with a machine that has the patch; keep: it goes nowhere new, and a person decides"),
});
export type Policy = z.infer<typeof Policy>;

/** Which machines a policy is for. `*` in a text stands for anything; every member that is there must fit. */
export const Rule = z.strictObject({
  hostname: z.string().min(1).max(253).optional(),
  os: z.string().min(1).max(64).optional(),
  arch: z.string().min(1).max(32).optional(),
  kernel: z.string().min(1).max(128).optional(),
  tags: z.array(z.string().min(1).max(64)).max(32).optional().describe("All of them"),
});
export type Rule = z.infer<typeof Rule>;

/** `PUT /v1/customers/{customer}/policies/{policy}` */
export const PolicyTerms = z.strictObject({
  group: Name.optional().describe(
    "For the machines of this group; waves, failureLimit and onHalt are for all machines",
  ),
  rule: Rule.optional(),
  order: z.number().int().min(0).max(1000).default(0).describe("Of two policies for a machine the higher one decides"),
  policy: Policy.partial(),
});
export type PolicyTerms = z.infer<typeof PolicyTerms>;
export const PolicyView = z.object({ name: Name, ...PolicyTerms.shape });
export type PolicyView = z.infer<typeof PolicyView>;
export const PolicyList = z.object({ policies: z.array(PolicyView), cursor: z.string().optional() });

/** `PUT /v1/customers/{customer}/pins/{pin}`: keeps a patch from machines until a day. */
export const PinTerms = z.strictObject({
  patch: z
    .string()
    .max(200)
    .regex(/^[a-z0-9-]+\/[a-z0-9-]+\/[a-z0-9-]+$/, "vendor/product/patch"),
  newest: PatchVersion.nullable().describe("The newest version that is let in; null: none"),
  group: Name.optional().describe("For this group; for every machine where it is left out"),
  machine: z.string().max(64).optional().describe("For this machine alone"),
  reason: z.string().min(1).max(500),
  until: z.iso.datetime().describe("When it ends by itself: a pin without an end is a hole that nobody sees"),
});
export type PinTerms = z.infer<typeof PinTerms>;
export const PinView = z.object({
  name: Name,
  ...PinTerms.shape,
  openCves: z.array(z.string()).describe("What the patches that it keeps out would fix"),
});
export type PinView = z.infer<typeof PinView>;
export const PinList = z.object({ pins: z.array(PinView), cursor: z.string().optional() });

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone.length > 0;
  } catch {
    // RangeError is how Intl says that it knows no such zone
    return false;
  }
}

function grows(waves: readonly { share?: number | undefined }[]): boolean {
  const shares = waves.flatMap(({ share }) => share ?? []);
  return shares.every((share, at) => share >= (shares[at - 1] ?? 0));
}
