import type { Command } from "commander";
import { onConfig, onSources, verb } from "./verb.ts";

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

  onSources(
    verb(program, {
      usage: "doctor",
      summary: "Say what keeps this host from being patched, part by part, and how to mend it.",
      examples: ["suture-agent doctor", "suture-agent doctor --json"],
    }),
    async (options) => (await import("../commands/doctor.ts")).doctor(options),
  );

  onSources(
    verb(program, {
      usage: "collect",
      summary: "Write an archive for whoever helps, with everything secret removed. It is sent to nobody.",
      examples: ["suture-agent collect", "suture-agent collect --output /tmp/support.tar.gz"],
    }).option("--output <file>", "where to write it (default: suture-support-HOST-TIME.tar.gz here)"),
    async (options) => (await import("../commands/collect.ts")).collect(options),
  );

  onConfig(
    verb(program, {
      usage: "history",
      summary: "List what was done on this host: its receipts.",
      examples: ["suture-agent history", "suture-agent history --json"],
    }),
    async (options) => (await import("../commands/history.ts")).history(options),
  );

  onSources(
    verb(program, {
      usage: "engine-report",
      summary: "Write down what the other live patching clients on this host print, secrets removed, to send to us.",
      examples: ["suture-agent engine-report --dry-run", "suture-agent engine-report --output clients.json"],
    })
      .option("--dry-run", "only say what would be run", false)
      .option("--output <file>", "where to (default: the standard output)"),
    async (options) => (await import("../commands/engine-report.ts")).engineReport(options),
  );
}
