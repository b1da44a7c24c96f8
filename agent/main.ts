#!/usr/bin/env node
import { CommanderError } from "commander";
import { SutureError } from "../protocol/errors.ts";
import { exitCode, printError } from "./commands/output.ts";
import { createProgram } from "./program/program.ts";

/** After a command's work, in milliseconds, until the process ends whatever is still open. */
const longestGoodbye = 3000;

/** No await of the module's own: it is bundled as CommonJS, too. */
async function main(): Promise<void> {
  const asJson = process.argv.includes("--json");
  try {
    await createProgram().parseAsync();
    // what is left open, a connection that the other side keeps, must not keep this process: its work is done
    setTimeout(() => process.exit(), longestGoodbye).unref();
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

// a reader that has seen enough, as in `status | head`, closes the pipe: that ends the printing and is not a failure.
// The resident agent goes on without its log: what is applied must still be watched
const isResident = process.argv[2] === "run";
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!isResident) process.exit(process.exitCode ?? 0);
  });
}

void main();
