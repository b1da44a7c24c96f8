import { fstatSync } from "node:fs";
import type { AgentEvent } from "../agent.ts";
import { sentence } from "./events.ts";

/** So many lines of one kind are written in a window, of so many milliseconds; what comes more is counted. */
const [linesPerWindow, window] = [5, 600_000];

/** What a journal sorts lines by. @see syslog(3), sd-daemon(3) */
const priority = { error: 3, warning: 4, notice: 5, info: 6 } as const;

/**
 * Writes the events of an agent that stays, a line each. Into the journal each has its priority, and not its time, which the journal
 * has. The same trouble again and again, with a service that is away for days or a patch that stays blocked, must not fill a host's
 * log: of each kind there are 5 lines in ten minutes, and the next says how many were left out.
 */
export function eventLog(
  write: (line: string) => void,
  { isJournal, now }: { isJournal: boolean; now: () => number },
): (event: AgentEvent) => void {
  const kinds = new Map<string, { since: number; lines: number; left: number }>();
  return (event) => {
    const time = now();
    for (const [kind, { since, left }] of kinds) if (left === 0 && time - since > window) kinds.delete(kind);
    const kind = kindOf(event);
    const known = kinds.get(kind);
    const isOver = known === undefined || time - known.since > window || time < known.since;
    const count = isOver ? { since: time, lines: 0, left: 0 } : known;
    kinds.set(kind, count);
    if (count.lines >= linesPerWindow) {
      count.left++;
      return;
    }
    count.lines++;
    const omitted =
      isOver && known !== undefined && known.left > 0 ? ` (${known.left} more like it were left out)` : "";
    const text = `${sentence(event)}${omitted}`.replaceAll("\n", " ");
    write(isJournal ? `<${priorityOf(event)}>${text}\n` : `${new Date(time).toISOString()} ${text}\n`);
  };
}

/** Whether the standard output is the journal's, as systemd says. @see systemd.exec(5), JOURNAL_STREAM */
export function isJournal(environment: Readonly<Record<string, string | undefined>>): boolean {
  const { dev, ino } = fstatSync(1, { bigint: true });
  return environment.JOURNAL_STREAM === `${dev}:${ino}`;
}

function kindOf(event: AgentEvent): string {
  const patch = "patch" in event ? event.patch : "";
  const code = "code" in event ? event.code : "";
  return [event.event, patch, code].join(" ");
}

function priorityOf({ event }: AgentEvent): number {
  if (["failed", "quarantined", "incident", "stale", "agent-update-failed"].includes(event)) return priority.error;
  if (["trouble", "refused", "blocked", "stalled", "undo-pending", "incomplete"].includes(event))
    return priority.warning;
  if (["applied", "undone", "recovered", "retired", "needs-reboot", "agent-update"].includes(event))
    return priority.notice;
  return priority.info;
}
