import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { describedCommands } from "./commands.ts";

const scripts = { bash, zsh, fish };

/** The script with which a shell completes `suture-agent`. Throws `invalid-request` for a shell that is not known. */
export function completionScript(shell: string, program: Command): string {
  if (!Object.hasOwn(scripts, shell)) {
    throw new SutureError(
      "invalid-request",
      `There is completion for ${Object.keys(scripts).join(", ")}, not for ${shell}`,
    );
  }
  return scripts[shell as keyof typeof scripts](program);
}

/** The words that may follow, by the words before them, longest first: the first that fits is the nearest. */
function following(program: Command): { before: string; words: string[] }[] {
  const rows = describedCommands(program).map(({ words, command }) => ({
    before: words,
    words: [...command.commands.map((inner) => inner.name()), ...optionsOf(command)],
  }));
  const first = { before: "", words: [...program.commands.map((command) => command.name()), "--help", "--version"] };
  return [...rows.sort((one, other) => other.before.length - one.before.length), first];
}

function optionsOf(command: Command): string[] {
  return [...command.options.map(({ long }) => long ?? ""), "--help"].filter((name) => name !== "");
}

/** Files are completed wherever no word of ours fits. */
function bash(program: Command): string {
  const cases = following(program).map(({ before, words }) => `    ${pattern(before)}) words="${words.join(" ")}" ;;`);
  return `# bash completion for suture-agent
_suture_agent() {
  local path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || path="$path $word"
  done
  case "$path " in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _suture_agent suture-agent
`;
}

function zsh(program: Command): string {
  const cases = following(program).map(
    ({ before, words }) => `    ${pattern(before)}) suggestions=(${words.join(" ")}) ;;`,
  );
  return `#compdef suture-agent
# zsh completion for suture-agent
_suture_agent() {
  local path_here="" word
  local -a suggestions
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] || path_here="$path_here $word"
  done
  case "$path_here " in
${cases.join("\n")}
  esac
  compadd -- $suggestions || _files
}
if [ "$funcstack[1]" = "_suture_agent" ]; then
  _suture_agent "$@"
else
  compdef _suture_agent suture-agent
fi
`;
}

function pattern(before: string): string {
  return before === "" ? '" "' : `" ${before} "*`;
}

function fish(program: Command): string {
  const lines = describedCommands(program).flatMap(({ words, command }) => {
    const before = words.split(" ").slice(0, -1);
    const siblings = before.length === 0 ? program.commands : (command.parent?.commands ?? []);
    const unseen = `not __fish_seen_subcommand_from ${siblings.map((each) => each.name()).join(" ")}`;
    const seen = (names: readonly string[]) => names.map((name) => `__fish_seen_subcommand_from ${name}`);
    const here = [...seen(before), unseen].join("; and ");
    const options = command.options.map(({ long, description }) => {
      const condition = seen(words.split(" ")).join("; and ");
      return `complete -c suture-agent -n '${condition}' -l ${long?.slice(2)} -d ${quoted(description)}`;
    });
    return [
      `complete -c suture-agent -f -n '${here}' -a ${command.name()} -d ${quoted(command.description())}`,
      ...options,
    ];
  });
  return `# fish completion for suture-agent\n${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/(['\\])/g, "\\$1")}'`;
}
