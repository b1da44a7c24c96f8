import { describeError, isSutureError } from "../../../protocol/errors.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { Outcome } from "../engine.ts";
import type { KmodResult } from "./kernel.ts";
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

/** What insmod's failure means for the host, with the kernel's own words behind it. */
export function insmodRefusal({ error, message }: KmodResult, log: readonly string[]): Outcome {
  const words = log.at(-1) ?? message;
  const evidence = { insmod: message, log };
  switch (error) {
    case "ENOEXEC":
      return outcome("unsupported", `the kernel takes the file for no module of its own: ${words}`, evidence);
    case "ENOENT":
      return outcome("unsupported", `the module needs a symbol that this kernel does not have: ${words}`, evidence);
    case "EINVAL":
      return outcome("unsupported", `the module does not fit this kernel: ${words}`, evidence);
    case "EKEYREJECTED":
      return outcome("unsupported", `this kernel does not trust the module's signature: ${mendSignatures}`, evidence);
    case "EPERM":
      return outcome("unsupported", `this kernel forbids it: ${words}`, evidence);
    case "EBUSY":
      return outcome("blocked", "another livepatch is on its way in or out", evidence);
    case "EEXIST":
      return outcome("blocked", "a module of this name is loaded already", evidence);
    default:
      return outcome("failed", `insmod: ${words}`, evidence);
  }
}
