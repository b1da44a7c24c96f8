import type { Commands } from "../../../agent/engines/delegated/commands.ts";
import type { StandIn } from "./stand-in.ts";

/** A stand-in's tools, run in this process. One that hangs is late at once. */
export function commandsOf<S extends { trouble: string }>(standIn: StandIn<S>, state: S): Commands {
  const run: Commands["ask"] = async (tool, args) => {
    const answer = standIn.run(state, tool, args);
    if (answer === "hang") return { code: null, stdout: "", stderr: "", late: true, excess: false };
    return { stdout: "", stderr: "", ...answer, late: false, excess: false };
  };
  return { has: (tool) => standIn.tools.includes(tool), ask: run, order: run, isOrdering: () => false };
}
