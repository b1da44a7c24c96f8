import type { Command } from "commander";
import { onConfig, verb } from "./verb.ts";

/** Commands about whose machine this host is. */
export function addMembership(program: Command): void {
  onConfig(
    verb(program, {
      usage: "enroll",
      summary: "Make this host a machine of a customer.",
      examples: [
        "suture-agent enroll --server https://suture.example.com --token-file /root/token",
        "cat token | suture-agent enroll --server https://suture.example.com --token -",
        "suture-agent enroll --rekey --token-file /root/token",
      ],
    })
      .option("--server <url>", "the service's address (default: `server` of the configuration)")
      .option("--token <token>", "the enrolment token; - reads it from the standard input")
      .option(
        "--token-file <file>",
        "a file with the token, so that it is not in the arguments (else env SUTURE_ENROLMENT_TOKEN)",
      )
      .option("--ephemeral", "this host goes away by itself: retire it when the agent is asked to stop", false)
      .option(
        "--rekey",
        "give a host that is enrolled a new key: it becomes a new machine, and the old one retires",
        false,
      ),
    async (options) => (await import("../commands/enroll.ts")).enroll({ ephemeral: false, rekey: false, ...options }),
  );

  onConfig(
    verb(program, {
      usage: "unenroll",
      summary: "Retire this machine and forget who it was; what is applied stays.",
      examples: ["suture-agent unenroll", "suture-agent unenroll --offline --state /mnt/old/var/lib/suture"],
    }).option("--offline", "only forget; the service retires it after a long silence", false),
    async (options) => (await import("../commands/unenroll.ts")).unenroll({ offline: false, ...options }),
  );

  const image = program.command("image").description("Make disk images whose hosts enrol themselves.").exitOverride();
  onConfig(
    verb(image, {
      usage: "prepare",
      summary: "Remove all that makes this host one machine, before a disk image is taken of it.",
      examples: [
        "suture-agent image prepare --server https://suture.example.com --token-file /root/image.token --ephemeral",
        "suture-agent image prepare --stop-agent",
      ],
    })
      .option(
        "--server <url>",
        "the service's address (default: the one of before, else `server` of the configuration)",
      )
      .option(
        "--token <token>",
        "the token with which each host of the image enrols itself; - reads it from the standard input",
      )
      .option("--token-file <file>", "a file with the token (else env SUTURE_ENROLMENT_TOKEN)")
      .option(
        "--ephemeral",
        "the image's hosts go away by themselves: each retires when its agent is asked to stop",
        false,
      )
      .option(
        "--stop-agent",
        "stop the agent that runs here; without it image prepare refuses to work beside one",
        false,
      ),
    async (options) =>
      (await import("../commands/image.ts")).prepareImage({ ephemeral: false, stopAgent: false, ...options }),
  );
}
