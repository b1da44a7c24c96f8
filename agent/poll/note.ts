import { readdirSync, readFileSync, realpathSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { places } from "../system/places.ts";

/**
 * What a whole round leaves for the polls after it, so that they need not look at the host: how to ask, and what must be as it was.
 * Whoever reads it trusts nothing else, and where it does not fit takes the whole round.
 */
export type PollNote = {
  format: typeof format;
  /** who may go by it: the same call, of the same release, in the same boot */
  caller: Caller;
  bootId: string;
  /** seconds since the epoch: before and after, it says nothing */
  since: number;
  until: number;
  peer: Peer;
  /** the whole HTTP request */
  request: string;
  /** each file or folder that a round goes by, as it stood */
  stamps: Readonly<Record<string, string>>;
  programs: Programs | null;
};

/** How the service was reached: `tls` with the name that it must prove, and the authorities (PEM) that vouched for it. */
export type Peer = { address: string; port: number; tls: { name: string; authorities: string[] } | null };

/**
 * Programs that patches are in: the processes that were looked at, and the files (`device:inode`) whose code is patched; null where some
 * program was not running, so that any process may be one of it.
 */
export type Programs = { known: number[]; files: string[] | null };

/** What decides how a call is taken, beside the files. `release` is the folder of the program. */
export type Caller = { arguments: readonly string[]; environment: string; release: string };

const format = 1;

/** The file of the note in a state folder. Its time is that of the last poll. */
export function notePath(state: string): string {
  return join(state, "poll.json");
}

/** The note of a state folder; undefined where there is none, or it is of another form. Throws the system's errors, and SyntaxError. */
export function readNote(state: string): PollNote | undefined {
  const note: PollNote = JSON.parse(readFileSync(notePath(state), "utf8"));
  return note.format === format ? note : undefined;
}

/** When a poll by a timer last heard that nothing is new; undefined where none has, or the round after it left no note. */
export function polledAt(state: string): Date | undefined {
  return statSync(notePath(state), { throwIfNoEntry: false })?.mtime;
}

/** A note of today's form. */
export function newNote(rest: Omit<PollNote, "format">): PollNote {
  return { format, ...rest };
}

/** Remembers that a poll was answered now. */
export function touchNote(state: string): void {
  const now = Date.now() / 1000;
  utimesSync(notePath(state), now, now);
}

/** Who calls. A token for enrolment decides nothing here, and is not to be written down. */
export function callerOf({ argv, env }: Pick<NodeJS.Process, "argv" | "env">): Caller {
  const names = Object.keys(env).filter((name) => deciding.test(name) && name !== "SUTURE_ENROLMENT_TOKEN");
  const environment = JSON.stringify(names.sort().map((name) => [name, env[name]]));
  return { arguments: argv.slice(2), environment, release: dirname(realpathSync.native(argv[1] ?? "")) };
}

const deciding = /^(?:SUTURE_.*|(?:https|all|no)_proxy|NODE_.*)$/i;

/**
 * The state folder of a call, and the configuration's, where they can be told without reading the configuration; undefined where an
 * argument may decide something else.
 */
export function foldersOf({ argv, env }: Pick<NodeJS.Process, "argv" | "env">) {
  const [, , verb, option, value, ...more] = argv;
  const isPlain = option === undefined || (option === "--state" && value !== undefined);
  if (verb !== "poll" || !isPlain || more.length > 0) return undefined;
  return {
    state: value ?? (env.SUTURE_AGENT_STATE || places.state),
    config: env.SUTURE_AGENT_CONFIG || places.config,
  };
}

/** What changes when a file is written or replaced, or an entry of a folder is; "none" where there is neither. */
export function stampOf(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory() !== true) return entryStamp(path);
  // the mark of looks into processes is written by each look, and says nothing to the next round
  const names = readdirSync(path).filter((name) => !/^(?:lock|poll\.json|looks\.mark)/.test(name));
  return names
    .sort()
    .map((name) => `${name} ${entryStamp(join(path, name))}`)
    .join("\n");
}

function entryStamp(path: string): string {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (status === undefined) return "none";
  // Whoever opens a store sets its folder's mode, which is no change
  return `${status.ino}:${status.size}:${status.isDirectory() ? status.mtimeNs : status.ctimeNs}`;
}
