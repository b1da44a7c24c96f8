import type { FC } from "hono/jsx";
import { tookWithin } from "../../domain/took.ts";
import { DataTable } from "../parts/data-table.tsx";
import { PatchLabel } from "../parts/patch-label.tsx";
import type { CountedPatch } from "../patches/read.ts";
import { texts } from "../texts.ts";

const { overview: words } = texts;
const width = 720;
const height = 180;
const edge = { left: 52, right: 14, top: 12, bottom: 24 };
/** Patches that a glance takes in. */
const shown = 24;

type Point = { patch: CountedPatch["patch"]; median: number; most: number };

/** How long the newest patches took to get in, as two curves drawn by the server, with the table of the numbers below. */
export const Trend: FC<{ patches: readonly CountedPatch[] }> = ({ patches }) => {
  const points = patches
    .flatMap(({ patch, took }): Point[] => {
      const [median, most] = [tookWithin(took, 0.5), tookWithin(took, 0.95)];
      return median === undefined || most === undefined ? [] : [{ patch, median, most }];
    })
    .slice(0, shown)
    .reverse();
  if (points.length === 0) return <p class="empty">{words.noTrend}</p>;
  const x = (at: number) =>
    points.length === 1 ? width / 2 : edge.left + (at * (width - edge.left - edge.right)) / (points.length - 1);
  const scale = logScale(Math.max(...points.map(({ most }) => most)));
  const line = (value: (point: Point) => number) =>
    points.map((point, at) => `${x(at).toFixed(1)},${scale.y(value(point)).toFixed(1)}`).join(" ");
  return (
    <figure class="chart trend">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words.trendLabel}>
        {scale.ticks.map((tick) => (
          <g>
            <line class="tick" x1={edge.left} x2={width - edge.right} y1={scale.y(tick)} y2={scale.y(tick)} />
            <text x={edge.left - 8} y={scale.y(tick) + 4} text-anchor="end">
              {texts.patches.duration(tick)}
            </text>
          </g>
        ))}
        <polyline class="most" points={line(({ most }) => most)} />
        <polyline class="median" points={line(({ median }) => median)} />
        {points.map(({ patch, median, most }, at) => (
          <g>
            <title>{`${patch.manifest.title}: ${texts.patch.tookBoth(median, most)}`}</title>
            <rect class="most" x={x(at) - 3} y={scale.y(most) - 3} width="6" height="6" />
            <circle class="median" cx={x(at)} cy={scale.y(median)} r="3.5" />
          </g>
        ))}
        {[points[0], points.at(-1)].map((point, at) =>
          point === undefined || (at === 1 && points.length === 1) ? null : (
            <text x={x(at === 0 ? 0 : points.length - 1)} y={height - 6} text-anchor={anchorOf(at, points.length)}>
              {new Date(point.patch.liveAt).toISOString().slice(0, 10)}
            </text>
          ),
        )}
      </svg>
      <figcaption>
        ○ {words.median} · □ {words.most} <span class="advice">{words.trendHow}</span>
      </figcaption>
      <details>
        <summary>{words.trendTable}</summary>
        <DataTable
          label={words.trendLabel}
          rows={points.toReversed()}
          columns={[
            { head: texts.patches.patch, cell: ({ patch }) => <PatchLabel id={patch.id} patch={patch} /> },
            { head: texts.patches.median, numeric: true, cell: ({ median }) => texts.patches.duration(median) },
            { head: texts.patches.most, numeric: true, cell: ({ most }) => texts.patches.duration(most) },
          ]}
        />
      </details>
    </figure>
  );
};

const minute = 60_000;
const tickAt = [
  minute,
  10 * minute,
  60 * minute,
  6 * 60 * minute,
  1440 * minute,
  7 * 1440 * minute,
  30 * 1440 * minute,
];

/** From a minute on: minutes and weeks on one picture. */
function logScale(most: number) {
  const top = tickAt.find((tick) => tick >= most) ?? most;
  const span = Math.log(Math.max(top, 10 * minute) / minute);
  const y = (millis: number) =>
    height - edge.bottom - (Math.log(Math.max(millis, minute) / minute) / span) * (height - edge.top - edge.bottom);
  return { y, ticks: tickAt.filter((tick) => tick <= Math.max(top, 10 * minute)) };
}

function anchorOf(at: number, count: number): "start" | "middle" | "end" {
  if (count === 1) return "middle";
  return at === 0 ? "start" : "end";
}
