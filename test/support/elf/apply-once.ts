// node apply-once.ts JOURNAL BINARY PAYLOAD: an agent that looks what runs and applies the patch once. Prints what became of each process, and how
// much memory it took at most, in MiB.
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import { bothFunctions, patchFor } from "./target.ts";

const [, , journalDir = "", binary = "", payload = ""] = process.argv;
const engine = createElfEngine({ journalDir });
await engine.detect();
const { evidence } = await engine.apply(patchFor(binary, payload, bothFunctions));
console.log(JSON.stringify({ processes: evidence.processes, memory: process.resourceUsage().maxRSS / 1024 }));
