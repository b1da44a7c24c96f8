import type { Command } from "commander";
import { configKeys } from "../config/config.ts";
import { variableOf } from "../config/values.ts";
import { describedCommands } from "./commands.ts";

const files = [
  ["/etc/suture/agent.toml", "the configuration, with drop-ins in agent.d/*.toml"],
  ["/etc/suture/health.d/*.json", "the host's own health checks"],
  ["/var/lib/suture", "this host's identity, what was verified, and what is applied; for root alone"],
] as const;

const exits = [
  "done, or nothing to do",
  "failed; the error says why",
  "wrong usage, or a configuration that cannot be used",
  "this host is not enrolled",
  "needs attention",
  "needs a reboot (status)",
];

/**
 * The manual page, suture-agent(8), from what each command says of itself.
 * @param examplesOf a command's examples
 * @see man(7)
 */
export function manPage(
  program: Command,
  version: string,
  examplesOf: (command: Command) => readonly string[],
): string {
  const shared = sharedOptions(program);
  const commands = describedCommands(program).flatMap(({ words, command, isGroup }) => {
    if (isGroup) return [];
    const own = command.options.filter(({ long }) => !shared.some((each) => each.long === long));
    return [
      `.SS "${words} ${command
        .usage()
        .replace("[options]", own.length === 0 ? "" : "[options]")
        .trim()}"`.replace(/ "$/, '"'),
      roff(command.description()),
      ...own.flatMap(({ flags, description }) => tagged(flags, description)),
      ".PP",
      ".RS 4\n.nf",
      ...examplesOf(command).map(roff),
      ".fi\n.RE",
    ];
  });
  const lines = [
    `.TH SUTURE-AGENT 8 "" "suture-agent ${version}" "System Administration"`,
    ".SH NAME",
    "suture\\-agent \\- live patches for this host",
    ".SH SYNOPSIS",
    ".B suture\\-agent\n.I command\n[options]",
    ".SH DESCRIPTION",
    roff(
      "Asks the service what this host may have, verifies it, applies it without a restart, watches that the host stays healthy, undoes what goes wrong or is withdrawn, and reports what it did. It does nothing that the vendor's signed metadata and the service's signed plan do not agree on.",
    ),
    ".SH OPTIONS\nEach command takes these.",
    ...shared.flatMap(({ flags, description }) => tagged(flags, description)),
    ".SH COMMANDS",
    ...commands,
    ".SH CONFIGURATION",
    roff(
      "An option goes before the environment, that before drop-ins (the last by name first), those before agent.toml, and that before the default. `suture-agent config show` says where each value came from.",
    ),
    ...configKeys.flatMap(({ path, about }) => tagged(path, `${about} (${variableOf(path)})`)),
    ".SH FILES",
    ...files.flatMap(([path, about]) => tagged(path, about)),
    ".SH EXIT STATUS",
    ...exits.flatMap((about, code) => tagged(String(code), about)),
    ".SH SEE ALSO",
    roff("suture-agent old-words says what the commands of other clients are called here."),
  ];
  return `${lines.join("\n")}\n`;
}

/** What every command takes. */
function sharedOptions(program: Command): Command["options"] {
  const leaves = describedCommands(program).filter(({ isGroup }) => !isGroup);
  const [first] = leaves;
  return (first?.command.options ?? []).filter(({ long }) =>
    leaves.every(({ command }) => command.options.some((option) => option.long === long)),
  );
}

function tagged(tag: string, text: string): string[] {
  return [".TP", `.B "${roff(tag)}"`, roff(text)];
}

/** Text as troff takes it: no line begins with a control character, and a dash is one that can be typed. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll(/^([.'])/gm, "\\&$1");
}
