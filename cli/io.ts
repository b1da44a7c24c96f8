import type { Command } from "commander";
import { type Code, describeError, isSutureError, SutureError } from "../protocol/errors.ts";

/** The world around one run of the program. */
export type Io = {
  env: Readonly<Record<string, string | undefined>>;
  /** the user's home, under which keys are kept */
  home: string;
  now: () => Date;
  out: (text: string) => void;
  err: (text: string) => void;
  /** whether a person watches standard error */
  watched: boolean;
};

/** The options that every command takes. */
export type GlobalOptions = { service?: string; tokenFile?: string; json?: true };

/** What a command came to: an object with --json; without, lines on standard output, and notes for people on standard error. */
export type Result = { json: object; lines: readonly string[]; notes?: readonly string[]; exit?: typeof exitAttention };

/** The exit code of a command that did what it was asked to, and found what somebody should look at. */
export const exitAttention = 6;
/** Ends a run with that code, after everything was printed. */
export class Attention extends Error {}

/** Makes a function a command's action: its result is printed, one object or lines. */
export function action<Arguments extends unknown[]>(
  io: Io,
  run: (options: Record<string, unknown> & GlobalOptions, ...given: Arguments) => Promise<Result>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<Record<string, unknown> & GlobalOptions>();
    const { json, lines, notes = [], exit } = await run(options, ...(given.slice(0, -2) as Arguments));
    if (options.json) io.out(`${JSON.stringify(json)}\n`);
    else {
      io.out(lines.map((line) => `${line}\n`).join(""));
      io.err(notes.map((line) => `${line}\n`).join(""));
    }
    if (exit !== undefined) throw new Attention();
  };
}

/** Says what went wrong: with --json as the one object on standard output, else in words on standard error. */
export function printError(error: unknown, io: Io, json: boolean): void {
  const known = isSutureError(error) ? error : new SutureError("internal", describeError(error), { cause: error });
  const issues = issuesOf(known);
  if (json) {
    const { issues: _issues, ...data } = known.data;
    io.out(
      `${JSON.stringify({ error: { code: known.code, detail: known.message, ...data, ...(issues && { issues }) } })}\n`,
    );
    return;
  }
  io.err(`suture: ${known.message} (${known.code})\n`);
  if (issues !== undefined && issues.length > 1) {
    for (const { path, reason } of issues) io.err(`  ${path}: ${reason}\n`);
  }
}

/** What a script can tell apart; every other code is 1 (docs/cli.md). */
const exitCodes: Partial<Record<Code, number>> = {
  "invalid-request": 2,
  "invalid-patch": 2,
  "invalid-metadata": 2,
  "too-large": 2,
  "unsupported-media-type": 2,
  unauthorized: 3,
  forbidden: 3,
  "bad-signature": 3,
  "no-permission": 3,
  conflict: 4,
  "already-exists": 4,
  "missing-blob": 4,
  "no-evidence": 4,
  "precondition-failed": 4,
  unreachable: 5,
  unavailable: 5,
  "rate-limited": 5,
};

/** The program's exit code after an error. */
export function exitCodeOf(error: unknown): number {
  return (isSutureError(error) && exitCodes[error.code]) || 1;
}

function issuesOf({ data }: SutureError): readonly { path: string; reason: string }[] | undefined {
  return Array.isArray(data.issues) ? data.issues : undefined;
}
