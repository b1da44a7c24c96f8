import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Client } from "../engines/delegated/client.ts";
import { type Commands, hostCommands } from "../engines/delegated/commands.ts";
import { openClients } from "../engines/delegated/open.ts";
import { scrub } from "../engines/delegated/scrub.ts";
import { readHost } from "../facts/host.ts";
import { isSystemError } from "../system/proc.ts";
import type { Result } from "./output.ts";

type Options = { json: boolean; dryRun?: boolean; output?: string };

/**
 * `suture-agent engine-report`: asks each other client on this host what the agent would ask it, and writes down what it printed and
 * what the agent makes of it. Changes nothing, sends nothing, needs no enrolment. What it runs it says first.
 * @param commands instead of the host's own
 */
export async function engineReport(options: Options, commands?: Commands): Promise<Result> {
  const passing = mkdtempSync(join(tmpdir(), "suture-report-"));
  try {
    return await report(options, commands ?? hostCommands(passing));
  } finally {
    rmSync(passing, { recursive: true });
  }
}

async function report({ dryRun, output, json }: Options, commands: Commands): Promise<Result> {
  const clients = await openClients(commands);
  const runs = clients.flatMap(({ engine, questions }) =>
    questions.filter(({ tool }) => commands.has(tool)).map(({ shown }) => ({ engine, run: shown })),
  );
  const lines = runs.map(({ engine, run }) => `  ${engine}: ${run.replaceAll("\n", "\n    ")}`);
  const intent =
    runs.length === 0
      ? "There is no other client here that the agent knows: Ksplice, Canonical Livepatch, Windows Update."
      : `It runs, to read and not to change:\n${lines.join("\n")}`;
  if (dryRun || runs.length === 0) return { json: { runs }, text: intent };
  if (!json) process.stderr.write(`${intent}\n`);

  const { hostname, os, arch, kernel, agent } = readHost();
  const told = await Promise.all(clients.map((client) => ask(client, commands, hostname)));
  const written = { report: 1, agent, os, arch, kernel, clients: told };
  if (output === undefined) return { json: written, text: JSON.stringify(written, null, 2) };
  write(output, `${JSON.stringify(written, null, 2)}\n`);
  const text = `Wrote ${output}. Read it before you send it: what looked like a secret was removed, and nothing was sent.`;
  return { json: { output, runs }, text };
}

/** What a client prints, each question by itself, and how the agent reads it. */
async function ask(client: Client, commands: Commands, hostname: string) {
  const clean = (text: string) => scrub(text, hostname);
  const printed = [];
  for (const { tool, args, shown } of client.questions.filter((each) => commands.has(each.tool))) {
    try {
      const { stdout, stderr, ...ended } = await commands.ask(tool, args);
      printed.push({ run: shown, ...ended, stdout: clean(stdout), stderr: clean(stderr) });
    } catch (error) {
      printed.push({ run: shown, refused: clean(describeError(error)) });
    }
  }
  const reading = await client.read().catch((error: unknown) => describeError(error));
  return { engine: client.engine, printed, reading: JSON.parse(clean(JSON.stringify(reading))) };
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    if (isSystemError(cause, "EEXIST"))
      throw new SutureError("already-exists", `${file} is there already: name another`, { cause });
    throw cause;
  }
}
