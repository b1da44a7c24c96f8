import type { FC } from "hono/jsx";
import { texts } from "../texts.ts";

/** A moment told relatively, with the exact one behind it. Both in milliseconds since the epoch. */
export const Moment: FC<{ at: number; now: number }> = ({ at, now }) => (
  <time datetime={new Date(at).toISOString()} title={texts.exact(at)}>
    {texts.ago(at, now)}
  </time>
);
