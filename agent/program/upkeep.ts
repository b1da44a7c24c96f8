import { type Command, InvalidArgumentError } from "commander";
import { onConfig, onSources, verb } from "./verb.ts";

/** Commands that keep this host patched: by a timer, as a service, at boot, by hand. */
export function addUpkeep(program: Command): void {
  onConfig(
    verb(program, {
      usage: "once",
      summary: "One round: look at this host, poll, and do what the plan says.",
      examples: ["suture-agent once", "suture-agent once --check-in --json"],
    }).option("--check-in", "ask for a plan even if a poll would say that nothing is new", false),
    async (options) => (await import("../commands/once.ts")).once({ checkIn: false, ...options }),
  );

  onSources(
    verb(program, {
      usage: "poll",
      summary:
        "What the timer calls: ask whether there is news; look at this host, as once does, where there is, where something changed, and each hour.",
      examples: ["suture-agent poll"],
    }),
    async (options) => (await import("../commands/poll.ts")).poll(options),
  );

  onConfig(
    verb(program, {
      usage: "run",
      summary: "Stay and keep this host patched, until SIGTERM.",
      examples: ["suture-agent run", "suture-agent run --state /tmp/demo --poll-every 1 --json"],
    }).option(
      "--poll-every <seconds>",
      "for demonstrations and tests: instead of the service's interval and the agent's bounds",
      seconds,
    ),
    async (options) => {
      await (await import("../commands/run.ts")).run(options);
      return undefined;
    },
  );

  onConfig(
    verb(program, {
      usage: "service",
      summary: "Stay as a Windows service, until the service manager ends it; by hand use run.",
      examples: ['sc.exe create SutureAgent binPath= "\\"C:\\Program Files\\Suture\\suture-agent.cmd\\" service"'],
    }),
    async (options) => {
      await (await import("../commands/service.ts")).service(options);
      return undefined;
    },
  );

  onSources(
    verb(program, {
      usage: "boot",
      summary: "Put the kernel's patches back after a reboot, without the network; for a unit that runs early.",
      examples: ["suture-agent boot", "suture-agent boot --json"],
    }),
    async (options) => (await import("../commands/boot.ts")).boot(options),
  );

  onConfig(
    verb(program, {
      usage: "import <file>",
      summary: "Do what a file carried here by hand has for this host (suture bundle export).",
      examples: ["suture-agent import /media/usb/globex.bundle"],
    }),
    async (options, file) => (await import("../commands/import.ts")).importFile({ ...options, file }),
  );

  onConfig(
    verb(program, {
      usage: "report <verb> <file>",
      summary:
        "report export FILE: write what this host has to say, signed, to be carried to the service (suture report import).",
      examples: ["suture-agent report export /media/usb/host.report"],
    }),
    async (options, word, file) => (await import("../commands/report.ts")).report({ ...options, verb: word, file }),
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("a number of seconds above 0 is wanted");
  return value;
}
