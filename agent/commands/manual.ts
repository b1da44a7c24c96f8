import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { completionScript } from "../manual/completion.ts";
import { manPage } from "../manual/man-page.ts";
import { oldWords } from "../manual/old-words.ts";
import type { Result } from "./output.ts";

/** `suture-agent completion SHELL`: the script for bash, zsh or fish. */
export function completion(program: Command, shell: string): Result {
  const script = completionScript(shell, program);
  return { json: { shell, script }, text: script.trimEnd() };
}

/** `suture-agent man`: the manual page in troff. */
export function man(program: Command, version: string, examplesOf: (command: Command) => readonly string[]): Result {
  const page = manPage(program, version, examplesOf);
  return { json: { page }, text: page.trimEnd() };
}

/** `suture-agent old-words [CLIENT]`: what the commands of other clients are called here. */
export function listOldWords(client: string | undefined): Result {
  const rows = oldWords.filter((row) => client === undefined || row.client === client);
  if (rows.length === 0) {
    const known = [...new Set(oldWords.map((row) => row.client))].join(", ");
    throw new SutureError("invalid-request", `There are words of ${known}, not of ${client}`);
  }
  const width = Math.max(...rows.map(({ theirs }) => theirs.length));
  const ours = Math.max(...rows.map((row) => row.ours.length));
  const lines = rows.map((row, at) => {
    const line = `  ${row.theirs.padEnd(width)}  ${row.ours.padEnd(ours)}  ${row.note}`.trimEnd();
    return row.client === rows[at - 1]?.client ? line : `${row.client}\n${line}`;
  });
  return { json: { words: rows }, text: lines.join("\n") };
}

/** `suture-agent version`: what runs here, for whoever asks for help. */
export function version(agent: string): Result {
  const node = process.versions.node;
  const platform = `${process.platform}-${process.arch}`;
  return { json: { agent, node, platform }, text: `suture-agent ${agent} (node ${node}, ${platform})` };
}
