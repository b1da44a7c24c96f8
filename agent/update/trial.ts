import { spawn } from "node:child_process";
import type { Agent } from "../agent.ts";
import { ownFacts } from "../facts/gather.ts";
import { checkIn } from "../round/check-in.ts";

/** What came of trying a release. `wasAway`: it got no answer from the service, which may be nobody's fault. */
export type Verdict = { passed: true } | { passed: false; why: string; wasAway: boolean };

/** Set by an agent that tries this release: it checks in once and ends. */
export const trialVariable = "SUTURE_TRIAL";
/** How a trial ends that got no answer: EX_TEMPFAIL of sysexits.h(3head). */
export const awayExit = 75;
const keptOutput = 2_000;

/**
 * Starts a release beside the one that runs, with the same arguments, and waits until it has checked in once. The state directory must be
 * free for it.
 * @param patience milliseconds; what takes longer has failed
 */
export async function tryRelease(program: string, args: readonly string[], patience: number): Promise<Verdict> {
  return await new Promise((resolve) => {
    const fail = (why: string, wasAway = false) => resolve({ passed: false, why, wasAway });
    const env = { ...process.env, [trialVariable]: "1" };
    // In a group of its own: its launcher is a shell
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString("utf8")).slice(-keptOutput);
      });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      fail(`It did not check in within ${patience / 1000} s`);
    }, patience);
    child.once("error", (error) => {
      clearTimeout(timer);
      fail(`It cannot be started: ${error.message}`);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ passed: true });
      else fail(`It ended with ${signal ?? code}: ${output.trim() || "it said nothing"}`, code === awayExit);
    });
  });
}

/** What a release does that is being tried: everything that it needs to report, and nothing to the host. @throws SutureError as `checkIn` */
export async function stand(agent: Agent): Promise<void> {
  await checkIn(agent, await ownFacts(agent));
}
