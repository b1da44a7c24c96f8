import { describeError, isSutureError } from "../../../protocol/errors.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { Outcome } from "../engine.ts";
import type { KmodError } from "./kernel.ts";
import { mendSignatures } from "./support.ts";

export function outcome(code: OutcomeCode, detail: string, evidence: Outcome["evidence"] = {}): Outcome {
  return { code, detail, evidence };
}

/** The outcome of a refusal that `checkPatch` threw. Throws on what is none. */
export function refusal(error: unknown): Outcome {
  for (const code of ["not-applicable", "unsupported", "blocked"] as const) {
    if (isSutureError(error, code)) return outcome(code, describeError(error));
  }
  if (isSutureError(error, "state-damaged")) return outcome("failed", describeError(error));
  throw error;
}

/** What each of insmod's failures means for the host. */
const refusals: Readonly<Record<KmodError, readonly [code: OutcomeCode, meaning: string]>> = {
  ENOEXEC: ["unsupported", "the kernel takes the file for no module of its own"],
  ENOENT: ["unsupported", "the module needs a symbol that this kernel does not have"],
  EINVAL: ["unsupported", "the module does not fit this kernel"],
  EKEYREJECTED: ["unsupported", `this kernel does not trust the module's signature (${mendSignatures})`],
  EPERM: ["unsupported", "this kernel forbids it"],
  EBUSY: ["blocked", "another livepatch is on its way in or out"],
  EEXIST: ["blocked", "a module of this name is loaded already"],
  ENODEV: ["failed", "the module does not find its device"],
  other: ["failed", "insmod failed"],
};

/** The outcome of a failed insmod, with the kernel's own words behind it. */
export function insmodRefusal(error: KmodError, message: string, log: readonly string[]): Outcome {
  const [code, meaning] = refusals[error];
  return outcome(code, `${meaning}: ${log.at(-1) ?? message}`, { insmod: message, log });
}
