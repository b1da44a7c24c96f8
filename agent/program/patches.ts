import type { Command } from "commander";
import { onConfig, verb } from "./verb.ts";

/** Commands about one patch. */
export function addPatches(program: Command): void {
  onConfig(
    verb(program, {
      usage: "explain <patch>",
      summary: "Say why this host has a patch or does not get it, by its last plan and by what is decided here.",
      examples: ["suture-agent explain acme/echod/stable/bounds-check@4"],
    }),
    async (options, patch) => (await import("../commands/explain.ts")).explain({ ...options, patch }),
  );

  onConfig(
    verb(program, {
      usage: "apply [patch]",
      summary: "Ask for a plan now and do what it says; of a patch that is named, say whether it is in, and why not.",
      examples: ["suture-agent apply", "suture-agent apply acme/echod/stable/bounds-check@4"],
    }),
    async (options, patch) =>
      (await import("../commands/apply.ts")).apply({ ...options, ...(patch !== undefined && { patch }) }),
  );

  onConfig(
    verb(program, {
      usage: "pin <patch>",
      summary:
        "Keep a patch that is in as it is: nothing takes its place until it is unpinned. A recall still takes it out.",
      examples: ["suture-agent pin acme/echod/stable/bounds-check@4"],
    }),
    async (options, patch) => (await import("../commands/pin.ts")).pin({ ...options, patch: patch ?? "" }),
  );

  onConfig(
    verb(program, {
      usage: "unpin <patch>",
      summary: "End a pin: the next plan decides.",
      examples: ["suture-agent unpin acme/echod/stable/bounds-check@4"],
    }),
    async (options, patch) => (await import("../commands/pin.ts")).unpin({ ...options, patch: patch ?? "" }),
  );

  onConfig(
    verb(program, {
      usage: "hold <patch>",
      summary: "Keep a patch away from this host whatever plans say, until it is released.",
      examples: ["suture-agent hold acme/echod/stable/bounds-check@4"],
    }).option("--ahead", "also a patch that this host has not heard of yet", false),
    async (options, patch) => (await import("../commands/hold.ts")).hold({ ahead: false, ...options, patch }),
  );

  onConfig(
    verb(program, {
      usage: "undo <patch>",
      summary: "Take a patch out, and hold it whatever plans say.",
      examples: ["suture-agent undo acme/echod/stable/bounds-check@1"],
    }),
    async (options, patch) => (await import("../commands/undo.ts")).undo({ ...options, patch }),
  );

  onConfig(
    verb(program, {
      usage: "release <patch>",
      summary: "End a hold or a quarantine: the next plan decides.",
      examples: ["suture-agent release acme/echod/stable/bounds-check@1"],
    }),
    async (options, patch) => (await import("../commands/undo.ts")).release({ ...options, patch }),
  );

  onConfig(
    verb(program, {
      usage: "force <patch>",
      summary:
        "Apply a stalled patch of the kernel, or undo one that does not come out, whatever tasks do. Read what it costs.",
      examples: ["suture-agent force acme/linux/stable/net-fix@1"],
    }),
    async (options, patch) => (await import("../commands/force.ts")).force({ ...options, patch }),
  );
}
