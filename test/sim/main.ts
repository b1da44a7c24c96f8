import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { simulateRollout } from "./rollout.ts";

const usage = `Usage: npm run sim -- rollout [--hosts N] [--bad SHARE] [--chaos] [--seed N] [--json]

Rolls a patch out that breaks a share of the hosts: real agents with their state in memory, the service's own apps and jobs over
the embedded database, in virtual time.

  --hosts N    how many hosts (default 1000)
  --bad SHARE  the share of hosts that the patch breaks, 0 to 1 (default 0.2)
  --chaos      a restart of the service on the way, repeated, late and lost messages, hosts that are off, clocks that jump
  --seed N     another course of events (default 1)
  --json       end with one JSON object on the last line`;

const { values, positionals } = readArguments();
const [hosts, bad, seed] = [Number(values.hosts), Number(values.bad), Number(values.seed)];
const isUsable = Number.isInteger(hosts) && hosts > 0 && bad >= 0 && bad <= 1 && Number.isInteger(seed);
if (values.help || positionals.join(" ") !== "rollout" || !isUsable) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const dataDir = await mkdtemp(join(tmpdir(), "suture-sim-"));
try {
  const log = (line: string) => console.log(line);
  const verdict = await simulateRollout({ dataDir, hosts, bad, chaos: values.chaos, seed, log });
  const { reconciled, waves, virtualMinutes, ...line } = verdict;
  log(
    `counts, states and hosts ${reconciled ? "agree" : "DO NOT agree"}; waves opened after ${waves.join(", ") || "no"} minutes`,
  );
  log(`${virtualMinutes} virtual minutes`);
  console.log(JSON.stringify(line, null, values.json ? 0 : 2));
  process.exitCode = verdict.ok ? 0 : 1;
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
process.exit();

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        hosts: { type: "string", default: "1000" },
        bad: { type: "string", default: "0.2" },
        chaos: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}
