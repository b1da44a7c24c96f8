import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, figureBeside, median } from "../figure.ts";
import { cpuMillis, onQuietHost, others, residentMiB } from "./quiet-host.ts";
import type { Release } from "./release.ts";

const polls = 40;
/** Below the service's limit for one machine. */
const pollSeconds = 0.6;
/** More than the kernel's readings need to settle. */
const idleMillis = 1_500;

/** What an agent costs that stays and hears that nothing is new, beside Node that does nothing. */
export async function residentFigures({ agent, node }: Release, state: string): Promise<Figure[]> {
  const bare = await onQuietHost([node, "-e", "console.log(0); setInterval(() => {}, 1e6)"], async (lines, pid) => {
    await lines.next();
    await sleep(idleMillis);
    return await residentMiB(pid());
  });
  const started = performance.now();
  const args = [agent, "run", "--state", state, "--poll-every", String(pollSeconds), "--json"];
  return await onQuietHost(args, async (lines, pid) => {
    const costs: number[] = [];
    let [first, before] = [0, Number.NaN];
    while (costs.length < polls) {
      const { value: line, done } = await lines.next();
      if (done === true) throw new Error("the agent ended");
      // A round that is more than a poll: the first, which tells of the host
      if (JSON.parse(line).event !== "nothing-new") before = Number.NaN;
      else {
        first ||= performance.now() - started;
        const spent = await cpuMillis(pid());
        if (!Number.isNaN(before)) costs.push(spent - before);
        before = spent;
      }
    }
    const [resident, anchor] = [await residentMiB(pid()), `goal: <= 48, after ${polls} polls`];
    return [
      figureBeside("agent.rss", resident, "MiB", { of: bare, versus: `${bare} MiB of bare node`, anchor }),
      figureBeside("agent.poll.cpu", median(costs), "ms", { anchor: `goal: <= 4, among ${others} processes` }),
      figureBeside("agent.start.toPoll", first, "ms", { anchor: "until the first answer that nothing is new" }),
    ];
  });
}
