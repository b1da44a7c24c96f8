import { detach, interrupt, seize } from "../../../agent/system/ptrace.ts";

/**
 * Seizes a thread. Then, as an agent that has nothing else to do, begins to stop it and is done; with "hold" says so and keeps it, until its
 * own input ends.
 */
const [tid, mode] = [Number(process.argv[2]), process.argv[3]];
if (seize(tid, 0) !== "seized") throw new Error(`thread ${tid} cannot be traced`);
if (mode === "hold") {
  console.log("seized");
  process.stdin.resume();
} else {
  interrupt(tid);
  detach(tid, { kind: "running" });
}
