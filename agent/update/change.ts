import packageJson from "../../package.json" with { type: "json" };
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Agent } from "../agent.ts";
import { exitCode, type Result } from "../commands/output.ts";
import type { Config } from "../config/config.ts";
import { openAgent, withLock } from "../open.ts";
import { isAway } from "../round/service.ts";
import { awayExit, stand, trialVariable, tryRelease } from "./trial.ts";
import type { Updates } from "./updates.ts";

/** In this time a release that is tried must have checked in; milliseconds. */
const patience = 300_000;

/**
 * Tries a staged release, with the arguments of this call, and makes it the current one if it passes. The state directory must be free.
 * @returns the program to be started from now on; undefined where this release stays
 */
export async function changeTo(version: string, updates: Updates, emit: Agent["emit"]): Promise<string | undefined> {
  const verdict = await tryRelease(updates.programOf(version), process.argv.slice(2), patience);
  const isTaken = updates.judge(version, verdict);
  if (!verdict.passed) emit({ event: "agent-update-failed", version, code: null, detail: verdict.why });
  if (!isTaken) return undefined;
  emit({ event: "agent-update", version, step: "started" });
  return updates.programOf(version);
}

/** Goes on as another release, as the same process: whoever watches it sees no end. @throws SutureError `unsupported` */
export function goOnAs(program: string): never {
  process.execve?.(program, [program, ...process.argv.slice(2)], process.env);
  throw new SutureError("unsupported", `This system cannot go on as ${program}: start the agent again`);
}

/** Whether this process is a release that another one tries. */
export function isOnTrial(): boolean {
  return process.env[trialVariable] !== undefined;
}

/** What a release does that is tried: checks in once, and says by its exit code how that went. */
export async function standTrial(config: Config, emit: Agent["emit"]): Promise<Result> {
  const { version } = packageJson;
  try {
    await withLock(config.state, async () => await stand(await openAgent(config, emit)));
    return { json: { ok: true, version }, text: `Release ${version} can check in.` };
  } catch (error) {
    const text = describeError(error);
    return { json: { ok: false, version, detail: text }, text, exit: isAway(error) ? awayExit : exitCode.failed };
  }
}
