import { openSync, readFileSync, writeSync } from "node:fs";
import koffi from "koffi";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { writeDurably } from "./files.ts";
import { ifPresent, ifReadable } from "./system-errors.ts";

/**
 * A process can make the kernel wait for it where it is looked at: its files may be of a file system that it answers for itself (FUSE), and so
 * may the pages of its memory and the lock on them. Nothing but the end of this agent ends such a wait. So a look that takes too long ends the
 * agent, which starts again and passes over whoever did that twice.
 */
type Looks = { mark: number; path: string; strikes: Strikes; longest: typeof longestStep };
/** How often looks at an owner's processes have ended the agent, and when the last time was, in milliseconds since the epoch. */
type Strikes = Record<string, { times: number; last: number }>;

/** Where looks are noted that have begun and not ended; nowhere for a command that only asks. */
let looks: Looks | undefined;
let depth = 0;
let limit = 0;
let noted = "";

/** From the signal on that ends this agent; seconds. A slow disk gives something in that time, and begins it anew. */
const longestStep = { look: 15, change: 30 };
const passedOverAfter = 2;
/** How long an owner is passed over; milliseconds. A process of root's own is looked at again sooner. */
const passedOverFor = { user: 86_400_000, root: 3_600_000 };
const markBytes = 64;

let loaded: ((seconds: number) => number) | undefined;
/** alarm(2): what ends a wait that nothing else ends. */
function alarm(seconds: number): void {
  loaded ??= koffi.load(null).func("unsigned int alarm(unsigned int seconds)") as NonNullable<typeof loaded>;
  loaded(seconds);
}

/**
 * Notes each look from now on in a folder, and learns from what was noted there which look ended this agent before.
 * @param now milliseconds since the epoch
 * @param longest from the last step on until a look ends this agent, in seconds
 */
export function keepLooks(folder: string, now: number, longest = longestStep): void {
  const path = `${folder}/looks.json`;
  const markPath = `${folder}/looks.mark`;
  const strikes = strikesIn(path);
  const last = ifPresent(() => readFileSync(markPath, "latin1"))?.trim() ?? "";
  if (last !== "") {
    const before = strikes[last];
    const isRecent = before !== undefined && now - before.last < passedOverFor.user;
    strikes[last] = { times: isRecent ? before.times + 1 : 1, last: now };
    writeIfRoom(path, strikes);
  }
  looks = { mark: looks?.path === path ? looks.mark : openSync(markPath, "w", 0o600), path, strikes, longest };
  note("");
}

/**
 * Reads what a process shows of itself. A signal that is to end this agent is seen when the look has ended, or was ended by its limit: to die
 * of it at once would leave an apply half done, and look like a wait that the process caused.
 * Throws what `work` does, and `unsupported` where looks at processes of the same owner have ended this agent before.
 */
export function look<T>(pid: number, work: () => T): T {
  return depth > 0 ? work() : timed(pid, work, (looks?.longest ?? longestStep).look);
}

/** Likewise where the process may be changed: that is finished first, if it takes less than half a minute. */
export function within<T>(pid: number, work: () => T): T {
  return depth > 0 ? work() : timed(pid, work, (looks?.longest ?? longestStep).change);
}

function timed<T>(pid: number, work: () => T, seconds: number): T {
  const owner = ownerOf(pid);
  const before = noted;
  expectPatience(pid, owner);
  note(owner);
  let isOver = true;
  try {
    const made = step(work, seconds);
    // work that goes on later takes its steps one by one
    if (made instanceof Promise) {
      isOver = false;
      void made.then(
        () => note(before),
        () => note(before),
      );
    }
    return made;
  } finally {
    if (isOver) note(before);
  }
}

/** Does what may wait for a process that is looked at, for half a minute at most. */
export function step<T>(work: () => T, seconds = longestStep.change): T {
  if (depth > 0) return work();
  depth++;
  limit = seconds;
  alarm(limit);
  try {
    return work();
  } finally {
    alarm(0);
    depth--;
  }
}

/** A step of a look is done: the next one has as long again. */
export function stepDone(): void {
  if (depth > 0) alarm(limit);
}

/** Whom a process belongs to: a user, by the name that it was started with, or where that is root itself. */
function ownerOf(pid: number): string {
  const status = ifReadable(() => readFileSync(`/proc/${pid}/status`, "latin1")) ?? "";
  const [, ...users] = /^Uid:\t(\d+)\t(\d+)\t(\d+)/m.exec(status) ?? [];
  const user = users.find((each) => each !== "0");
  return user === undefined ? `process ${pid}` : `uid ${user}`;
}

function expectPatience(pid: number, owner: string): void {
  const strike = looks?.strikes[owner];
  if (strike === undefined || strike.times < passedOverAfter) return;
  const until = strike.last + (owner.startsWith("uid ") ? passedOverFor.user : passedOverFor.root);
  if (Date.now() > until) return;
  throw new SutureError(
    "unsupported",
    `process ${pid} (${owner}) is passed over until ${new Date(until).toISOString()}: looks at it did not come to an end`,
  );
}

function note(owner: string): void {
  noted = owner;
  if (looks) writeSync(looks.mark, owner.padEnd(markBytes), 0, "latin1");
}

/** On a full disk it is remembered for as long as this agent runs. */
function writeIfRoom(path: string, strikes: Strikes): void {
  try {
    writeDurably(path, JSON.stringify(strikes));
  } catch (error) {
    if (!isSutureError(error, "no-space")) throw error;
  }
}

function strikesIn(path: string): Strikes {
  try {
    return JSON.parse(ifPresent(() => readFileSync(path, "utf8")) ?? "{}");
  } catch (error) {
    // a hint for speed alone: without it one more look ends the agent
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
