import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { addConfiguration } from "./configuration.ts";
import { addManual } from "./manual.ts";
import { addMembership } from "./membership.ts";
import { addPatches } from "./patches.ts";
import { addQuestions } from "./questions.ts";
import { addUpkeep } from "./upkeep.ts";
import { exitCodes } from "./verb.ts";

/**
 * `suture-agent` as commander knows it: every command, what it takes and what it says of itself. What a command does is loaded only
 * when it is called: a poll by timer should cost little more than node itself.
 */
export function createProgram(): Command {
  const program = new Command("suture-agent")
    .description("Applies live patches to this host and reports what it did.")
    .version(packageJson.version)
    .addHelpText("after", exitCodes)
    .exitOverride();
  for (const add of [addMembership, addUpkeep, addQuestions, addPatches, addConfiguration, addManual]) add(program);
  return program;
}
