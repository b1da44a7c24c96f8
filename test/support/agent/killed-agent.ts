// A program: begins an action on a host and kills itself after so many steps. Exits 0 where it came to the end first.
import type { VerifiedPatch } from "../../../agent/engines/engine.ts";
import { recover } from "../../../agent/patches/recover.ts";
import { settle } from "../../../agent/patches/settle.ts";
import { runRound } from "../../../agent/round/round.ts";
import type { Intent } from "../../../agent/state/journal.ts";
import type { PatchRecord } from "../../../agent/state/patches.ts";
import { buildId, newHost } from "./host.ts";
import { testService } from "./service.ts";

const [directory = "", action = "", killAt = "0"] = process.argv.slice(2);
let left = Number.POSITIVE_INFINITY;
const step = () => {
  left--;
  if (left <= 0) process.kill(process.pid, "SIGKILL");
};
/** A function that counts as a step once it is done. */
const stepping = <A extends unknown[]>(work: (...args: A) => void) => {
  return (...args: A) => {
    work(...args);
    step();
  };
};

const clock = { millis: Date.now() };
const service = await testService(() => clock.millis);
const host = await newHost(service, { directory, clock, onStep: step });
const { journal, patches } = host.agent;
const agent = {
  ...host.agent,
  journal: {
    ...journal,
    write: stepping((value: Intent) => journal.write(value)),
    remove: stepping(() => journal.remove()),
  },
  patches: {
    ...patches,
    put: stepping((record: PatchRecord) => patches.put(record)),
    putPayloads: stepping((variants: readonly VerifiedPatch[]) => patches.putPayloads(variants)),
  },
};
await recover(agent);
const apply = await service.publish("fix", buildId);
service.actions = [apply];
if (action === "undo") {
  await runRound(agent, { force: true });
  agent.patches.hold({ patch: apply.patch, at: 1 });
}
left = Number(killAt);
if (action === "undo") await settle(agent);
else await runRound(agent, { force: true });
