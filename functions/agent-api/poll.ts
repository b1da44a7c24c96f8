import { SutureError } from "../../protocol/errors.ts";
import { decidePoll } from "../domain/poll.ts";
import { openTicket, type TicketKeys } from "../domain/ticket.ts";
import type { ChangesCache } from "./changes-cache.ts";
import type { AgentGate } from "./limits.ts";

export type PollAnswerKind = "nothing-new" | "check-in";

/**
 * Answers a poll from its ticket and the copy of the record in memory (design: "Poll and ticket"). Answers without waiting where
 * it can: a promise costs as much as the rest.
 * @param now milliseconds since the epoch
 * @throws SutureError `unavailable`, `rate-limited`
 */
export function answerPoll(
  text: string | undefined,
  { changes, keys, gate, now }: { changes: ChangesCache; keys: TicketKeys; gate?: AgentGate; now: number },
): PollAnswerKind | Promise<PollAnswerKind> {
  const ticket = text === undefined ? undefined : openTicket(text, keys);
  // A ticket that cannot be opened is no offence: keys change. The machine shows who it is when it checks in.
  if (ticket === undefined) return "check-in";
  gate?.poll(ticket);
  const seconds = now / 1000;
  const record = changes.peek();
  const decision = record === undefined ? "read-again" : decidePoll(ticket, record, seconds);
  if (decision !== "read-again") return decision;

  return (async () => {
    const first = decidePoll(ticket, await changes.current(), seconds);
    if (first !== "read-again") return first;
    try {
      const second = decidePoll(ticket, await changes.reload(), seconds);
      // Still behind the ticket: the table was restored to an earlier state
      return second === "read-again" ? "check-in" : second;
    } catch (cause) {
      throw new SutureError("unavailable", "The record of changes cannot be read", { cause });
    }
  })();
}
