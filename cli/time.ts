import { SutureError } from "../protocol/errors.ts";

const minutes = { m: 1, h: 60, d: 24 * 60 } as const;

/** `15m`, `12h` or `30d` as hours. @throws SutureError `invalid-request` */
export function hoursOf(option: string, time: string): number {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(time) ?? [];
  if (count === undefined)
    throw new SutureError("invalid-request", `${option} ${time} is not a time such as 15m, 12h or 30d`);
  return (Number(count) * minutes[unit as keyof typeof minutes]) / 60;
}

/** A moment of the wire as people read it in a table: `2026-11-25 09:00`, in UTC. */
export function minuteOf(instant: string): string {
  return instant.slice(0, 16).replace("T", " ");
}
