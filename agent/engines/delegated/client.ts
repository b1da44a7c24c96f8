import type { DelegatedEngine, ForeignClient } from "../../../protocol/wire/host.ts";
import type { DelegatedVariant } from "../../../protocol/wire/patch.ts";
import type { Outcome } from "../engine.ts";
import type { Ran } from "./commands.ts";

/** What another's client says of the host now. */
export type Reading = Omit<ForeignClient, "engine"> & {
  /** why it cannot be driven; empty where it can */
  unusable: string;
  /** whether it is at work right now: wait, and ask again */
  busy: boolean;
  /** what is in, by the client's own names; empty where it names none */
  parts: readonly string[];
};

/** Something that a client is asked and that changes nothing. `shown` is the command, or the script, as a person reads it. */
export type Question = { tool: string; args: readonly string[]; shown: string };

/** A question that is a command line. */
export function question(tool: string, ...args: string[]): Question {
  return { tool, args, shown: [tool, ...args].join(" ") };
}

/** Another's client on this host: what it says, and what it can be told to do. Nothing here throws for what the client says. */
export type Client = {
  engine: DelegatedEngine;
  /** all that `read` may ask */
  questions: readonly Question[];
  read(): Promise<Reading>;
  /** Whether something that it was told is still at work, whatever it says by itself. */
  isAtWork(): boolean;
  /** Has it bring the host to a level at least. Whether it did is read afterwards: the outcome says why not. */
  bring(order: DelegatedVariant): Promise<Outcome>;
  /** Has it take parts out of the running system. Absent where it cannot. */
  takeBack?(parts: readonly string[]): Promise<Outcome>;
  /** how a person takes out what the client cannot: a sentence */
  byHand: string;
};

/** A reading of a client that cannot be driven. Its output, where it is not understood, is never taken for a state. */
export function unusable(reason: string, known: Partial<Reading> = {}): Reading {
  return {
    version: null,
    level: null,
    state: "unsupported",
    busy: false,
    parts: [],
    ...known,
    unusable: reason,
    detail: reason,
  };
}

/** How many updates a client says are in, for a person. */
export function updatesIn(count: number): string {
  return count === 1 ? "1 update is in" : `${count} updates are in`;
}

const maxWords = 300;

/** What a tool said that did not do its work, for a person: its last words, or that it said nothing in time. */
export function wordsOf(tool: string, { code, stdout, stderr, late, excess }: Ran): string {
  if (late) return `${tool} does not answer in time`;
  if (excess) return `${tool} prints without an end`;
  const words = `${stdout}\n${stderr}`.trim().replace(/\s+/g, " ").slice(-maxWords);
  return `${tool} exited with ${code ?? "a signal"}${words === "" ? "" : `: ${words}`}`;
}
