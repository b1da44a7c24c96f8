import type { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { examplesOf, onSources, verb } from "./verb.ts";

/** Commands about the program itself. */
export function addManual(program: Command): void {
  onSources(
    verb(program, {
      usage: "version",
      summary: "Say which agent this is, and what it runs on.",
      examples: ["suture-agent version --json"],
    }),
    async () => (await import("../commands/manual.ts")).version(packageJson.version),
  );

  onSources(
    verb(program, {
      usage: "completion <shell>",
      summary: "Print the completion for bash, zsh or fish. Packages bring it.",
      examples: [
        "suture-agent completion bash > /etc/bash_completion.d/suture-agent",
        "suture-agent completion zsh > /usr/share/zsh/site-functions/_suture-agent",
        "suture-agent completion fish > /usr/share/fish/vendor_completions.d/suture-agent.fish",
      ],
    }),
    async (_, shell) => (await import("../commands/manual.ts")).completion(program, shell ?? ""),
  );

  onSources(
    verb(program, {
      usage: "man",
      summary: "Print the manual page (troff). Packages bring it.",
      examples: ["suture-agent man > /usr/share/man/man8/suture-agent.8", "suture-agent man | man -l -"],
    }),
    async () => (await import("../commands/manual.ts")).man(program, packageJson.version, examplesOf),
  );

  onSources(
    verb(program, {
      usage: "old-words [client]",
      summary: "Say what the commands of canonical-livepatch, uptrack, kcarectl, kpatch and klp are called here.",
      examples: ["suture-agent old-words", "suture-agent old-words kcarectl"],
    }),
    async (_, client) => (await import("../commands/manual.ts")).listOldWords(client),
  );
}
