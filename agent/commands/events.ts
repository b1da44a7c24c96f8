import type { AgentEvent } from "../agent.ts";

/** Prints an event: a line of JSON with its time, or a line for a person. */
export function printEvent(event: AgentEvent, asJson: boolean): void {
  const at = new Date().toISOString();
  process.stdout.write(asJson ? `${JSON.stringify({ at, ...event })}\n` : `${at} ${sentence(event)}\n`);
}

/** An event for a person. */
export function sentence(event: AgentEvent): string {
  if ("action" in event) {
    const pause = event.pauseMicros === null ? "" : `, paused ${event.pauseMicros} us`;
    return `${event.patch}: ${event.event} in ${event.ms} ms${pause}: ${event.detail}`;
  }
  switch (event.event) {
    case "started":
      return `started as ${event.machine}, at ${event.server}`;
    case "nothing-new":
      return `nothing new; next poll in ${event.nextPollSeconds} s`;
    case "plan":
      return `plan ${event.seq} (${event.why}): apply ${event.apply}, undo ${event.undo}, hold ${event.hold}`;
    case "applying":
    case "undoing":
    case "healthy":
      return `${event.patch}: ${event.event}`;
    case "refused":
    case "incomplete":
    case "recovered":
      return `${event.patch}: ${event.event} (${event.code}): ${event.detail}`;
    case "waiting":
      return `${event.patch}: waiting for ${event.waitedSeconds} s: ${event.blockers.join(", ")}`;
    case "held":
    case "limited":
      return `${event.patch}: ${event.event}: ${event.detail}`;
    case "reported":
      return `${event.receipts} receipts acknowledged`;
    case "incident":
      return `${event.kind}: ${event.detail}`;
    case "stale":
      return `stale: no verified plan since ${event.verifiedAt}; what is applied stays`;
    case "trouble":
      return `trouble (${event.code}): ${event.detail}; next try in ${event.retryInSeconds} s`;
    case "agent-update":
      return `release ${event.version} of the agent: ${event.step}`;
    case "agent-update-failed":
      return `release ${event.version} of the agent is not taken${event.code === null ? "" : ` (${event.code})`}: ${event.detail}`;
    case "retired":
      return "retired: this machine is not part of the fleet any more; what is applied stays";
    case "stopped":
      return "stopped";
  }
}
