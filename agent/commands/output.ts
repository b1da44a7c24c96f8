import { type Code, describeError, SutureError } from "../../protocol/errors.ts";
import { isSystemError } from "../system/proc.ts";

/** What a command's exit code means; `--help` and docs/agent.md say the same. */
export const exitCode = { ok: 0, failed: 1, usage: 2, notEnrolled: 3, attention: 4, reboot: 5 } as const;

/** What a command found: an object for `--json`, lines for a person, and its exit code where that is not 0. */
export type Result = { json: unknown; text: string; exit?: number };

/** Prints a result: one JSON object, or its text. */
export function printResult({ json, text, exit = exitCode.ok }: Result, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(json) : text}\n`);
  process.exitCode = exit;
}

/** Prints what went wrong, what to do about it, and the code. */
export function printError(error: unknown, asJson: boolean): void {
  const code = codeOf(error);
  const detail = describeError(error);
  const next = advice[code];
  if (asJson)
    process.stdout.write(`${JSON.stringify({ error: { code, detail, ...(next !== undefined && { next }) } })}\n`);
  else process.stderr.write(`error: ${detail}\n${next === undefined ? "" : `${next}\n`}code: ${code}\n`);
  process.exitCode = exitOf(code);
}

function codeOf(error: unknown): Code {
  if (error instanceof SutureError) return error.code;
  return isSystemError(error, "EACCES", "EPERM") ? "no-permission" : "internal";
}

function exitOf(code: Code): number {
  if (code === "not-enrolled") return exitCode.notEnrolled;
  return code === "invalid-request" || code === "config-invalid" ? exitCode.usage : exitCode.failed;
}

const advice: Partial<Record<Code, string>> = {
  "not-enrolled":
    "Run `suture-agent enroll --server URL --token-file FILE` first, or name its folder with --state DIR.",
  "already-enrolled": "Use another folder with --state DIR, or remove this one to enrol the host as a new machine.",
  retired:
    "An administrator retired this machine; what is applied stays. Where it is to come back: suture-agent unenroll --offline, then suture-agent enroll.",
  "config-invalid":
    "`suture-agent config check` lists all that is wrong, `suture-agent config show` what counts and why.",
  "busy-agent": "The agent that runs does this work already. `suture-agent status` shows what it does.",
  "no-permission": "Run it as the user whose state directory it is; the service's own agent runs as root.",
  "state-damaged": "Keep a copy of the state directory for analysis; remove it and enrol the host again.",
  "token-used-up": "Ask your administrator for a new token: `suture token create --customer NAME`.",
  "token-expired": "Ask your administrator for a new token: `suture token create --customer NAME`.",
  unauthorized: "The service does not know this token or this machine. Ask your administrator for a new token.",
  unreachable: "Check the address and the network; `suture-agent preflight` tries each part.",
  unavailable: "The service cannot answer now. Nothing is lost; try again in a few minutes.",
  "untrusted-metadata":
    "Nothing was installed. If it goes on, tell your administrator: somebody may be between you and the service.",
  "metadata-expired":
    "Nothing new installs until it is renewed. Check this host's clock, then tell your administrator.",
  "mirror-stale": "Nothing was installed. Run `suture mirror` again, so that the mirror has what is signed today.",
  "rollback-detected":
    "Nothing was installed. Tell your administrator: the repository shows an older state than before.",
  "plan-invalid": "Nothing was installed. Check this host's clock, then tell your administrator.",
  "wrong-machine": "Nothing was installed. Tell your administrator.",
  "unknown-patch": "`suture-agent status` lists the patches of this host.",
  "clock-skew": "Set this host's clock: it is more than 5 minutes from the service's.",
};
