#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { SutureError } from "../protocol/errors.ts";
import { exitCode, printError, printResult, type Result } from "./commands/output.ts";

type Shared = { state: string; json: boolean };

const exitCodes = `
Exit codes:
  0  done, or nothing to do
  1  failed; the error says why
  2  wrong usage
  3  this host is not enrolled
  4  needs attention: a patch that was ordered is not in, the host is stale, or a check of preflight failed
  5  needs a reboot (status): status says why and since when`;

const program = new Command("suture-agent")
  .description("Applies live patches to this host and reports what it did.")
  .version(packageJson.version)
  .addHelpText("after", exitCodes)
  .exitOverride();

/** Declares a verb. Its code is loaded only when it is called: a poll by timer should cost little more than node itself. */
function verb(usage: string, summary: string, examples: string, under: Command = program): Command {
  return under
    .command(usage)
    .description(summary)
    .addOption(
      new Option("--state <dir>", "where this host's identity and patches are kept")
        .default("/var/lib/suture")
        .env("SUTURE_STATE"),
    )
    .option("--json", "print JSON: one object (run: one object a line)", false)
    .addHelpText("after", `\nExamples:\n${examples.replace(/^/gm, "  ")}\n${exitCodes}`)
    .exitOverride();
}

async function show({ json }: Shared, work: Promise<Result>): Promise<void> {
  printResult(await work, json);
}

verb(
  "enroll",
  "Make this host a machine of a customer.",
  "suture-agent enroll --server https://suture.example.com --token-file /root/token\ncat token | suture-agent enroll --server https://suture.example.com --token -",
)
  .requiredOption("--server <url>", "the service's address")
  .option("--token <token>", "the enrolment token; - reads it from the standard input")
  .option(
    "--token-file <file>",
    "a file with the token, so that it is not in the arguments (else env SUTURE_ENROLMENT_TOKEN)",
  )
  .option("--ephemeral", "this host goes away by itself: retire it when the agent is asked to stop", false)
  .action(async (options) => show(options, (await import("./commands/enroll.ts")).enroll(options)));

verb(
  "unenroll",
  "Retire this machine and forget who it was; what is applied stays.",
  "suture-agent unenroll\nsuture-agent unenroll --offline --state /mnt/old/var/lib/suture",
)
  .option("--offline", "only forget; the service retires it after a long silence", false)
  .action(async (options) => show(options, (await import("./commands/unenroll.ts")).unenroll(options)));

const image = program.command("image").description("Make disk images whose hosts enrol themselves.").exitOverride();
verb(
  "prepare",
  "Remove all that makes this host one machine, before a disk image is taken of it.",
  "suture-agent image prepare --server https://suture.example.com --token-file /root/image.token --ephemeral\nsuture-agent image prepare --stop-agent",
  image,
)
  .option("--server <url>", "the service's address (default: the one of before)")
  .option(
    "--token <token>",
    "the token with which each host of the image enrols itself; - reads it from the standard input",
  )
  .option("--token-file <file>", "a file with the token (else env SUTURE_ENROLMENT_TOKEN)")
  .option("--ephemeral", "the image's hosts go away by themselves: each retires when its agent is asked to stop", false)
  .option("--stop-agent", "stop the agent that runs here; without it image prepare refuses to work beside one", false)
  .action(async (options) => show(options, (await import("./commands/image.ts")).prepareImage(options)));

verb(
  "once",
  "Poll once and do what the plan says; for a timer.",
  "suture-agent once\nsuture-agent once --check-in --json",
)
  .option("--check-in", "ask for a plan even if a poll would say that nothing is new", false)
  .action(async (options) => show(options, (await import("./commands/once.ts")).once(options)));

verb(
  "run",
  "Stay and keep this host patched, until SIGTERM.",
  "suture-agent run\nsuture-agent run --state /tmp/demo --poll-every 1 --json",
)
  .option(
    "--poll-every <seconds>",
    "for demonstrations and tests: instead of the service's interval and the agent's bounds",
    seconds,
  )
  .action(async (options) => await (await import("./commands/run.ts")).run(options));

verb(
  "status",
  "Show this host, its last plan and its patches.",
  "suture-agent status\nsuture-agent status --json",
).action(async (options) => show(options, (await import("./commands/status.ts")).status(options)));

verb(
  "configure",
  "Decide where patches come from: a mirror, plans carried by hand. Without an option: say what is decided.",
  "suture-agent configure --mirror https://mirror.internal/suture\nsuture-agent configure --mirror /srv/suture --offline-plans allow\nsuture-agent configure --mirror none",
)
  .option("--mirror <where>", "an http address or a folder that `suture mirror` keeps; none to go without")
  .option("--offline-plans <word>", "allow or refuse plans that are carried here by hand (default: refuse)")
  .action(async (options) => show(options, (await import("./commands/configure.ts")).configure(options)));

verb(
  "import <file>",
  "Do what a file carried here by hand has for this host (suture bundle export).",
  "suture-agent import /media/usb/globex.bundle",
).action(async (file, options) =>
  show(options, (await import("./commands/import.ts")).importFile({ ...options, file })),
);

verb(
  "report <verb> <file>",
  "report export FILE: write what this host has to say, signed, to be carried to the service (suture report import).",
  "suture-agent report export /media/usb/host.report",
).action(async (word, file, options) =>
  show(options, (await import("./commands/report.ts")).report({ ...options, verb: word, file })),
);

verb(
  "preflight",
  "Check whether this host is ready, and how to mend what is not.",
  "suture-agent preflight --server https://suture.example.com",
)
  .option("--server <url>", "the service's address, before this host is enrolled")
  .action(async (options) => show(options, (await import("./commands/preflight.ts")).preflight(options)));

verb(
  "history",
  "List what was done on this host: its receipts.",
  "suture-agent history\nsuture-agent history --json",
).action(async (options) => show(options, (await import("./commands/history.ts")).history(options)));

verb(
  "explain <patch>",
  "Say why this host has a patch or does not get it, by its last plan and by what is decided here.",
  "suture-agent explain acme/echod/stable/bounds-check@4",
).action(async (patch, options) =>
  show(options, (await import("./commands/explain.ts")).explain({ ...options, patch })),
);

verb(
  "hold <patch>",
  "Keep a patch away from this host whatever plans say, until it is released.",
  "suture-agent hold acme/echod/stable/bounds-check@4",
).action(async (patch, options) => show(options, (await import("./commands/hold.ts")).hold({ ...options, patch })));

verb(
  "undo <patch>",
  "Take a patch out, and hold it whatever plans say.",
  "suture-agent undo acme/echod/stable/bounds-check@1",
).action(async (patch, options) => show(options, (await import("./commands/undo.ts")).undo({ ...options, patch })));

verb(
  "release <patch>",
  "End a hold or a quarantine: the next plan decides.",
  "suture-agent release acme/echod/stable/bounds-check@1",
).action(async (patch, options) => show(options, (await import("./commands/undo.ts")).release({ ...options, patch })));

verb(
  "boot",
  "Put the kernel's patches back after a reboot, without the network; for a unit that runs early.",
  "suture-agent boot\nsuture-agent boot --json",
).action(async (options) => show(options, (await import("./commands/boot.ts")).boot(options)));

verb(
  "force <patch>",
  "Apply a stalled patch of the kernel, or undo one that does not come out, whatever tasks do. Read what it costs.",
  "suture-agent force acme/linux/stable/net-fix@1",
).action(async (patch, options) => show(options, (await import("./commands/force.ts")).force({ ...options, patch })));

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("a number of seconds above 0 is wanted");
  return value;
}

const asJson = process.argv.includes("--json");
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) printError(error, asJson);
  else if (error.exitCode !== 0) {
    if (asJson) printError(new SutureError("invalid-request", error.message.replace(/^error: /, "")), true);
    process.exitCode = exitCode.usage;
  }
}
