import { type AgentRelease, AgentReleases, agentReleasesPath } from "../../protocol/wire/agent-release.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { ChangeRecord } from "../domain/poll.ts";
import { KeptByScope } from "../kept-by-scope.ts";
import type { MetadataHints } from "./metadata-hints.ts";

const minute = 60_000;

/** The agent's releases as operators signed them, read anew each minute. Agents verify for themselves what a plan names. */
export class ReleasesCache {
  readonly #hints: MetadataHints;
  readonly #now: () => number;
  readonly #kept = new KeptByScope<readonly AgentRelease[]>(1);

  /** @param now milliseconds since the epoch */
  constructor(hints: MetadataHints, now: () => number) {
    this.#hints = hints;
    this.#now = now;
  }

  /** None where nothing is released, or what is cannot be read: plans must not wait for it. */
  get(record: ChangeRecord): Promise<readonly AgentRelease[]> {
    const thisMinute = String(Math.floor(this.#now() / minute));
    return this.#kept.get(thisMinute, record, [], async () => {
      try {
        return await this.#load(record);
      } catch (error) {
        // kept like an answer, so that it is said once a minute and not at each check-in
        console.error("The agent's releases cannot be read", error);
        return [];
      }
    });
  }

  async #load(record: ChangeRecord): Promise<readonly AgentRelease[]> {
    const text = await this.#hints.target("service", "agent", agentReleasesPath, record);
    return text === undefined ? [] : parseJson(AgentReleases, text, agentReleasesPath, "unavailable").releases;
  }
}
