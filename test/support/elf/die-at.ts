// node die-at.ts STEP apply|undo JOURNAL BINARY PAYLOAD: an engine that is killed right after its STEPth step.
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import { bothFunctions, patchFor } from "./target.ts";

const [, , step, operation, journalDir = "", binary = "", payload = ""] = process.argv;
let taken = 0;
const engine = createElfEngine({
  journalDir,
  onStep: () => {
    taken++;
    if (taken === Number(step)) process.kill(process.pid, "SIGKILL");
  },
});
const patch = patchFor(binary, payload, bothFunctions);
const { code, detail } = operation === "undo" ? await engine.undo(patch.id) : await engine.apply(patch);
console.log(code, detail);
process.exitCode = code === "applied" || code === "undone" ? 0 : 1;
