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
      if (asJson) printError(new SutureError("invalid-request", error.message.replace(/^error: /, "")), true);
      process.exitCode = exitCode.usage;
    }
  }
}

void main();
