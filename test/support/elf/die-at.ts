// node die-at.ts STEP OPERATION JOURNAL BINARY PAYLOAD [NEXT-PAYLOAD]: an engine that is killed right after its STEPth step of what it does:
// apply, undo; supersede the patch by the next one; give-back: undo the next one while the patch is kept; retire the patch for good.
import { readFileSync } from "node:fs";
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../../agent/engines/engine.ts";
import { bothFunctions, patchFor } from "./target.ts";

const [, , step, operation = "", journalDir = "", binary = "", payload = "", nextPayload = payload] = process.argv;
let taken = 0;
const engine = createElfEngine({
  journalDir,
  onStep: () => {
    taken++;
    if (taken === Number(step)) process.kill(process.pid, "SIGKILL");
  },
});
const patch = patchFor(binary, payload, bothFunctions);
const next: ElfPatch = {
  ...patch,
  id: patch.id.replace(/@1$/, "@2"),
  payload: readFileSync(nextPayload),
  replaces: [patch.id],
};
const operations: Record<string, () => ReturnType<typeof engine.undo>> = {
  apply: () => engine.apply(patch),
  undo: () => engine.undo(patch.id),
  supersede: () => engine.apply(next),
  "give-back": () => engine.undo(next.id),
  retire: () => engine.undo(patch.id),
};
const outcome = await operations[operation]?.();
console.log(outcome?.code, outcome?.detail);
process.exitCode = outcome?.code === "applied" || outcome?.code === "undone" ? 0 : 1;
