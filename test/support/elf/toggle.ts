// node toggle.ts JOURNAL BINARY PAYLOAD: an engine that applies and undoes until it is killed; says when it has done both once.
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import { bothFunctions, patchFor } from "./target.ts";

const [, , journalDir = "", binary = "", payload = ""] = process.argv;
const engine = createElfEngine({ journalDir });
const patch = patchFor(binary, payload, bothFunctions);
for (let cycle = 0; ; cycle++) {
  await engine.apply(patch);
  await engine.undo(patch.id);
  if (cycle === 0) console.log("ready");
}
