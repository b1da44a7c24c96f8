/**
 * One measured number. `name` is area.metric.case; `versus` says what else was measured in the same run, `ratio` is the value over
 * that, null where there was nothing; `anchor` is where others or the goal stand, for a reader.
 */
export type Figure = {
  name: string;
  value: number;
  unit: string;
  versus: string;
  ratio: number | null;
  anchor: string;
};

/** The middle value, of an even number the lower. Throws for none: a figure that could not be measured is missing, never zero. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new RangeError("nothing was measured");
  return middle;
}

type Beside = { of?: number; versus?: string; anchor: string };

/** A figure beside `of`, where there is something to hold it against, rounded for reading. */
export function figureBeside(name: string, value: number, unit: string, { of, versus = "", anchor }: Beside): Figure {
  const ratio = of === undefined ? null : Math.round((value / of) * 100) / 100;
  return { name, value: Math.round(value * 10) / 10, unit, versus, ratio, anchor };
}
