import { describeError } from "../../protocol/errors.ts";
import { signStatement } from "../../protocol/trust/request.ts";
import type { Waiting } from "../../protocol/wire/report.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Progress } from "../engines/klp/transition.ts";
import { isAway } from "./service.ts";

/** The service is told so often at most; milliseconds. It is for people who look on, and the outcome comes as a receipt. */
const tellServiceEvery = 30_000;

/**
 * Tells of a transition that takes long: an event for whoever looks on, the state directory's `waiting.json` for `status`, and the
 * service where it may be asked. Whatever goes wrong with telling keeps nobody from the work.
 * @param isOnline false at boot, where there is no network yet
 */
export function tellWaiting(agent: Agent, isOnline: boolean): (progress: Progress) => void {
  let nextReport = isOnline ? 0 : Number.POSITIVE_INFINITY;
  return ({ patch, action, waitedSeconds, blockers }) => {
    const tasks = blockers.map(({ task, pid }) => ({ task: task.slice(0, 64), pid }));
    agent.emit({ event: "waiting", patch, waitedSeconds, blockers: tasks.map(({ task, pid }) => `${task} (${pid})`) });
    const waiting: Waiting = { patch, action, since: secondsOf(agent.clock) - waitedSeconds, tasks };
    const complain = (error: unknown) =>
      agent.emit({ event: "trouble", code: "unavailable", detail: describeError(error), retryInSeconds: 0 });
    try {
      agent.waiting.write(waiting);
    } catch (error) {
      complain(error);
    }
    if (agent.clock.now() < nextReport) return;
    nextReport = agent.clock.now() + tellServiceEvery;
    report(agent, waiting).catch((error: unknown) => {
      if (!isAway(error)) complain(error);
    });
  };
}

async function report(agent: Agent, waiting: Waiting): Promise<void> {
  const body = { machine: agent.enrolment.machine, receipts: [], waiting };
  await agent.service.report(await signStatement("suture-report", body, agent.keys));
}
