const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** How long ago, in steps of a minute so that a page does not move by itself. Both in milliseconds since the epoch. */
export function ago(at: number, now: number): string {
  const past = Math.max(0, now - at);
  const unit = units.find(([, length]) => past >= length);
  return unit ? relative.format(-Math.floor(past / unit[1]), unit[0]) : "under a minute ago";
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
