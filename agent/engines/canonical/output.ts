import { z } from "zod";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";

const text = z.string().nullish();
const Status = z.object({
  clientversion: text,
  status: z
    .array(
      z.object({
        kernel: text,
        running: z.boolean().nullish(),
        supported: text,
        upgraderequireddate: text,
        livepatch: z.object({ checkstate: text, state: text, patchstate: text, version: text }).nullish(),
      }),
    )
    .min(1),
});

/** The running kernel's entry of `canonical-livepatch status --format json`. */
export type CanonicalStatus = {
  version: string | null;
  kernel: string | null;
  /** `applied`, `nothing-to-apply`, `unapplied`, … */
  state: string;
  /** `104.1`, of the module that the state is about; null where there is none */
  level: string | null;
  check: string | null;
  supported: string | null;
  upgradeBy: string | null;
};

/**
 * Reads `status --format json`. Clients before 9 spell the same names in lower case (`patchState`), those since with capitals and
 * dashes (`State`): spelling aside they are one. Null where it is something else.
 */
export function readStatus(json: string): CanonicalStatus | null {
  let value: unknown;
  try {
    value = JSON.parse(json, (_, member) => plainNames(member));
  } catch {
    return null;
  }
  const parsed = Status.safeParse(value);
  if (!parsed.success) return null;
  const { status, clientversion } = parsed.data;
  const entry = status.find(({ running }) => running === true) ?? status[0];
  const state = entry?.livepatch?.state ?? entry?.livepatch?.patchstate;
  if (entry === undefined || state == null) return null;
  return {
    version: clientversion ?? null,
    kernel: entry.kernel ?? null,
    state,
    level: entry.livepatch?.version || null,
    check: entry.livepatch?.checkstate ?? null,
    supported: entry.supported ?? null,
    upgradeBy: entry.upgraderequireddate ?? null,
  };
}

function plainNames(member: unknown): unknown {
  if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
  return Object.fromEntries(
    Object.entries(member).map(([name, value]) => [name.replaceAll("-", "").toLowerCase(), value]),
  );
}

/** The client's words for how far a patch is, and this service's. @see "How to check the Livepatch client status" */
export const patchStates: Readonly<Record<string, readonly [state: OutcomeCode, meaning: string]>> = {
  applied: ["applied", "all applicable livepatch modules are in"],
  "nothing-to-apply": ["not-applicable", "no livepatches are needed for this kernel yet"],
  unapplied: ["blocked", "a livepatch is here and not in yet"],
  applying: ["blocked", "the kernel is being patched"],
  "applied-with-bug": ["failed", "the module is in, and the kernel reported a bug since"],
  "apply-failed": ["failed", "the module brought the kernel down last time, and is kept out"],
  "kernel-upgrade-required": ["needs-reboot", "this kernel gets no more patches: upgrade it and reboot"],
};

/** Kernels that Canonical does not patch, by its own words. */
export const unpatched: Readonly<Record<string, string>> = {
  unsupported: "Canonical does not cover this kernel",
  "kernel-end-of-life": "Canonical does not cover this kernel any more",
};

const Pro = z.object({
  attached: z.boolean(),
  services: z
    .array(z.object({ name: z.string(), status: z.string().nullish(), entitled: z.string().nullish() }))
    .default([]),
});

/** Whether `pro status --format json` says that livepatch can be enabled without a token. */
export function canEnable(json: string): boolean {
  try {
    const { attached, services } = Pro.parse(JSON.parse(json));
    const livepatch = services.find(({ name }) => name === "livepatch");
    return attached && livepatch?.entitled === "yes" && livepatch.status === "disabled";
  } catch {
    return false;
  }
}
