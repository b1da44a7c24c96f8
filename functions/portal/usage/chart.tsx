import type { FC } from "hono/jsx";
import type { UsageView } from "../../../protocol/wire/subscriptions.ts";
import { texts } from "../texts.ts";

const height = 120;
const step = 44;
/** The months that a glance takes in. */
const shownMonths = 24;

/** Machines that held a seat, a bar a month, drawn by the server; the table below it has the numbers. */
export const UsageChart: FC<{ usage: readonly UsageView[] }> = ({ usage }) => {
  const months = [...Map.groupBy(usage, ({ month }) => month)]
    .map(([month, entries]) => ({ month, machines: entries.reduce((sum, { machines }) => sum + machines, 0) }))
    .toSorted((a, b) => (a.month < b.month ? -1 : 1))
    .slice(-shownMonths);
  const most = Math.max(1, ...months.map(({ machines }) => machines));
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${Math.max(8, months.length) * step} ${height + 34}`}
        preserveAspectRatio="xMinYMid"
        role="img"
        aria-label={texts.usage.chart}
      >
        {months.map(({ month, machines }, at) => {
          const tall = Math.max(1, (height * machines) / most);
          const middle = at * step + step / 2;
          return (
            <g>
              <rect
                class="bar"
                x={at * step + 7}
                y={(height - tall + 16).toFixed(1)}
                width={step - 14}
                height={tall.toFixed(1)}
              />
              <text class="value" x={middle} y={(height - tall + 11).toFixed(1)} text-anchor="middle">
                {texts.number(machines)}
              </text>
              <text x={middle} y={height + 30} text-anchor="middle">
                {month.slice(2)}
              </text>
            </g>
          );
        })}
      </svg>
      <figcaption class="advice">{texts.usage.chart}</figcaption>
    </figure>
  );
};
