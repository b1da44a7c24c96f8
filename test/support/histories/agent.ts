// node agent.ts STEP ORDER JOURNAL VERSIONS: an engine that is killed right after its STEPth step of what it is told to do with a patch.
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import { carryOut, type Order, patchOf, type Version } from "./orders.ts";

const [, , step, order, journalDir = "", versions = "[]"] = process.argv;
let taken = 0;
const engine = createElfEngine({
  journalDir,
  onStep: () => {
    taken++;
    if (taken === Number(step)) process.kill(process.pid, "SIGKILL");
  },
});
const list: Version[] = JSON.parse(versions);
await carryOut(engine, list.map(patchOf), order as Order);
