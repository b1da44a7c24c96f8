import type { Command } from "commander";
import { onConfig, verb } from "./verb.ts";

/** Commands that look and change nothing. */
export function addQuestions(program: Command): void {
  onConfig(
    verb(program, {
      usage: "status",
      summary: "Show this host, its last plan and its patches.",
      examples: ["suture-agent status", "suture-agent status --json"],
    }),
    async (options) => (await import("../commands/status.ts")).status(options),
  );

  onConfig(
    verb(program, {
      usage: "preflight",
      summary: "Check whether this host is ready, and how to mend what is not.",
      examples: ["suture-agent preflight --server https://suture.example.com"],
    }).option("--server <url>", "the service's address, before this host is enrolled"),
    async (options) => (await import("../commands/preflight.ts")).preflight(options),
  );

  onConfig(
    verb(program, {
      usage: "history",
      summary: "List what was done on this host: its receipts.",
      examples: ["suture-agent history", "suture-agent history --json"],
    }),
    async (options) => (await import("../commands/history.ts")).history(options),
  );
}
