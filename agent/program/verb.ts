import { type Command, Option } from "commander";
import { printResult, type Result } from "../commands/output.ts";
import type { Config } from "../config/config.ts";
import { type ConfigSources, requireConfig } from "../config/read.ts";

/** What every command's help ends with; docs/agent.md says the same. */
export const exitCodes = `
Exit codes:
  0  done, or nothing to do
  1  failed; the error says why
  2  wrong usage, or a configuration that cannot be used
  3  this host is not enrolled
  4  needs attention: a patch that was ordered is not in, the host is stale, or a check of preflight or doctor failed
  5  needs a reboot (status): status says why and since when`;

export type VerbText = { usage: string; summary: string; examples: readonly string[] };

/** Declares a command under another. */
export function verb(under: Command, { usage, summary, examples }: VerbText): Command {
  const command = under
    .command(usage)
    .description(summary)
    .addOption(
      new Option("--config <dir>", "the configuration's folder (default: /etc/suture; env: SUTURE_AGENT_CONFIG)"),
    )
    .addOption(
      new Option(
        "--state <dir>",
        "where this host's identity and patches are kept (default: /var/lib/suture; env: SUTURE_AGENT_STATE)",
      ),
    )
    .addOption(
      new Option("--set <key=value>", "decide a key of the configuration for this call; may be given again")
        .argParser((value: string, before: string[]) => [...before, value])
        .default([], "none"),
    )
    .option("--json", "print JSON: one object (run: one object a line)", false)
    .addHelpText("after", `\nExamples:\n${examples.map((each) => `  ${each}`).join("\n")}\n${exitCodes}`)
    .exitOverride();
  declared.set(command, examples);
  return command;
}

const declared = new WeakMap<Command, readonly string[]>();

/** The examples that a command was declared with. */
export function examplesOf(command: Command): readonly string[] {
  return declared.get(command) ?? [];
}

type Given = ReturnType<Command["opts"]>;
/** What a command does; without a result it has printed what there is to say. */
type Work<Place> = (options: Given & Place, ...args: string[]) => Promise<Result | undefined>;

/** What a command does on this host's configuration. One that cannot be used ends it: `config-invalid`. */
export function onConfig(command: Command, work: Work<{ config: Config; json: boolean }>): void {
  onSources(command, async ({ sources, ...options }, ...args) => {
    return await work({ ...options, config: await requireConfig(sources) }, ...args);
  });
}

/** Likewise for one that must work whatever the configuration is worth. */
export function onSources(command: Command, work: Work<{ sources: ConfigSources; json: boolean }>): void {
  command.action(async () => {
    const { config: folder, state, set, json, ...options } = command.opts();
    const sources = { folder, state, set, environment: process.env };
    const result = await work({ ...options, json, sources }, ...command.args);
    if (result !== undefined) printResult(result, json);
  });
}
