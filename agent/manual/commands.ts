import type { Command } from "commander";

/** A command as commander knows it, by the words that call it: `config show`. */
export type Described = { words: string; command: Command; isGroup: boolean };

/** Every command that has a page of its own, in the order of `--help`; groups come before what is in them. */
export function describedCommands(program: Command): Described[] {
  return program.commands.flatMap((command) => below(command, ""));
}

function below(command: Command, before: string): Described[] {
  const words = `${before}${command.name()}`;
  const isGroup = command.commands.length > 0;
  return [{ words, command, isGroup }, ...command.commands.flatMap((inner) => below(inner, `${words} `))];
}
