import type { Agent } from "../agent.ts";
import { type ConfigSources, requireConfig } from "../config/read.ts";
import { leaveNote, lookBefore, removeNote } from "../poll/leave.ts";
import { once } from "./once.ts";
import type { Result } from "./output.ts";

/**
 * `suture-agent poll`, where the note of the last whole round was not enough (poll/main.ts): a round as `once` does it, which leaves a
 * note for the next polls.
 */
export async function poll({ sources, json }: { sources: ConfigSources; json: boolean }): Promise<Result> {
  const before = lookBefore(process);
  const config = await requireConfig(sources);
  removeNote(config);
  const after = async (agent: Agent) => {
    try {
      if (before !== undefined) await leaveNote(agent, config, before);
    } catch {
      // The round is done, and without a note the next poll is a round again
    }
  };
  return await once({ config, checkIn: false, json, after });
}
