const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** How long ago, or how long until, in steps of a minute so that a page does not move by itself. Both in milliseconds since the epoch. */
export function ago(at: number, now: number): string {
  const span = Math.abs(now - at);
  const unit = units.find(([, length]) => span >= length);
  if (unit === undefined) return at > now ? "in under a minute" : "under a minute ago";
  return relative.format(Math.floor(span / unit[1]) * (at > now ? 1 : -1), unit[0]);
}

const numbers = new Intl.NumberFormat("en");

/** A count, with its thousands parted. */
export function number(value: number): string {
  return numbers.format(value);
}

/** The exact moment in UTC, for whoever needs it. Milliseconds since the epoch. */
export function exact(at: number): string {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

/** How long something took, in the unit that says it shortest; milliseconds. */
export function duration(millis: number | undefined): string {
  if (millis === undefined) return "–";
  const minutes = millis / 60_000;
  if (minutes < 90) return `${Math.max(1, Math.round(minutes))} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} d`;
}
