import type { Command } from "commander";
import { onSources, verb } from "./verb.ts";

/** Commands about what is decided for this host. */
export function addConfiguration(program: Command): void {
  const config = program
    .command("config")
    .description("Show, check and change what is decided for this host (/etc/suture/agent.toml).")
    .exitOverride();

  onSources(
    verb(config, {
      usage: "show",
      summary: "Show every key, its value, and where that came from.",
      examples: ["suture-agent config show", "SUTURE_AGENT_MIRROR=/srv/suture suture-agent config show --json"],
    }),
    async ({ sources }) => (await import("../commands/config.ts")).showConfig(sources),
  );

  onSources(
    verb(config, {
      usage: "check",
      summary: "Say whether the configuration can be used, and where it cannot.",
      examples: ["suture-agent config check", "suture-agent config check --config ./etc --json"],
    }),
    async ({ sources }) => (await import("../commands/config.ts")).checkConfig(sources),
  );

  onSources(
    verb(config, {
      usage: "set <key> <value>",
      summary: "Decide a key, in a drop-in that goes before the other files. A running agent reads it when it starts.",
      examples: [
        "suture-agent config set mirror https://mirror.internal/suture",
        "suture-agent config set offline_plans true",
      ],
    }),
    async ({ sources }, key, value) => (await import("../commands/config.ts")).setConfig(sources, key, value),
  );

  onSources(
    verb(config, {
      usage: "unset <key>",
      summary: "Take back what `config set` decided.",
      examples: ["suture-agent config unset mirror"],
    }),
    async ({ sources }, key) => (await import("../commands/config.ts")).unsetConfig(sources, key),
  );
}
