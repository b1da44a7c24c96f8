#!/usr/bin/env node
import { CommanderError } from "commander";
import { SutureError } from "../protocol/errors.ts";
import { exitCode, printError } from "./commands/output.ts";
import { createProgram } from "./program/program.ts";

/** No await of the module's own: it is bundled as CommonJS, too. */
async function main(): Promise<void> {
  const asJson = process.argv.includes("--json");
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) printError(error, asJson);
    else if (error.exitCode !== 0) {
      await tellOldWord(error);
      if (asJson) printError(new SutureError("invalid-request", error.message.replace(/^error: /, "")), true);
      process.exitCode = exitCode.usage;
    }
  }
}

/** Whoever has typed another client's command is told what it is called here. */
async function tellOldWord({ code, message }: CommanderError): Promise<void> {
  if (code !== "commander.unknownCommand" && code !== "commander.unknownOption") return;
  const { meaningsOf } = await import("./manual/old-words.ts");
  for (const { client, theirs, ours } of meaningsOf(/'([^']+)'/.exec(message)?.[1] ?? ""))
    process.stderr.write(`${client}: ${theirs} is here: suture-agent ${ours}\n`);
}

void main();
