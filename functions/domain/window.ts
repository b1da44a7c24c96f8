import type { Weekday, Window } from "../../protocol/wire/policy.ts";

const weekdays: readonly Weekday[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const day = 86_400;

/** Whether machines may change now, and when that changes next; seconds since the epoch, null where it never does. */
export type WindowState = { open: boolean; changesAt: number | null };

/**
 * Where `now` (seconds since the epoch) stands in maintenance windows. Without a window it is always open. A time of day that a
 * change of clocks leaves out counts as the moment after the gap; one that comes twice, as the first.
 */
export function windowState(windows: readonly Window[], now: number): WindowState {
  if (windows.length === 0) return { open: true, changesAt: null };
  const spans = windows.flatMap((window) => spansAround(window, now));
  const bounds = spans.flat().filter((bound) => bound > now);
  return { open: spans.some(([from, to]) => from <= now && now < to), changesAt: Math.min(...bounds) };
}

/** The window's spans from the day before `now` to eight days after it. */
function spansAround({ timeZone, days, from, to }: Window, now: number): [number, number][] {
  const today = Math.floor((now + offsetAt(timeZone, now)) / day);
  const spans: [number, number][] = [];
  for (let date = today - 1; date <= today + 8; date++) {
    // 1 January 1970 was a Thursday
    const weekday = weekdays[(date + 4) % 7];
    if (weekday === undefined || !days.includes(weekday)) continue;
    const [start, end] = [secondsOf(from), secondsOf(to)];
    spans.push([
      instantOf(timeZone, date * day + start),
      instantOf(timeZone, (end > start ? date : date + 1) * day + end),
    ]);
  }
  return spans;
}

function secondsOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 3600 + minutes * 60;
}

/** The instant at which a zone's clocks show `wall`, which is written as if it were UTC. */
function instantOf(timeZone: string, wall: number): number {
  const before = wall - offsetAt(timeZone, wall - day);
  const after = wall - offsetAt(timeZone, wall + day);
  const fits = (instant: number) => instant + offsetAt(timeZone, instant) === wall;
  if (fits(before)) return before;
  // In a gap the old offset leads to the moment after it
  return fits(after) ? after : before;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far a zone's clocks are ahead of UTC at an instant, in seconds. */
function offsetAt(timeZone: string, instant: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const fields = { year: "numeric", month: "numeric", day: "numeric" } as const;
    const clock = { hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone, ...fields, ...clock });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(instant * 1000).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const wall = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return wall / 1000 - Math.floor(instant);
}
