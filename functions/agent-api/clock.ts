import { SutureError } from "../../protocol/errors.ts";

/** How far a machine's clock may be from ours, in seconds. */
const toleranceSeconds = 300;

/**
 * Refuses a statement that was made too long ago or in the future.
 * @param iat seconds since the epoch
 * @param now milliseconds since the epoch
 * @throws SutureError `clock-skew` with `data.serverTime` in seconds, with which the machine tries again once
 */
export function refuseSkew(iat: number, now: number): void {
  const serverTime = Math.floor(now / 1000);
  if (Math.abs(iat - serverTime) <= toleranceSeconds) return;
  throw new SutureError("clock-skew", `The request's time is ${iat - serverTime} s from the server's`, {
    data: { serverTime },
  });
}
