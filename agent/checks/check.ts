import { exitCode, type Result } from "../commands/output.ts";

/** One part of a host, looked at: what was found, and how to mend what is not right. What is optional is no fault of the host. */
export type Check = { name: string; ok: boolean; detail: string; mend?: string; optional?: boolean };

/** What checks come to, for a command to print: a line each, and what mends it beneath. */
export function resultOf(checks: readonly Check[]): Result {
  const ok = checks.every((check) => check.ok || check.optional === true);
  const width = Math.max(12, ...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, ok: isOk, detail, mend, optional }) => {
    const word = isOk ? "ok  " : optional === true ? "no  " : "FAIL";
    return `${word}  ${name.padEnd(width)} ${detail}${mend === undefined ? "" : `\n      ${mend}`}`;
  });
  return { json: { ok, checks }, text: lines.join("\n"), exit: ok ? exitCode.ok : exitCode.attention };
}
