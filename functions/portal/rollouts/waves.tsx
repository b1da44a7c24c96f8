import type { FC } from "hono/jsx";
import type { Wave } from "../../../protocol/wire/policy.ts";
import type { RolloutView } from "../../../protocol/wire/rollout.ts";
import type { PatchStatus } from "../../domain/status.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { patchMachinesHref } from "../parts/patch-label.tsx";
import { texts } from "../texts.ts";

const { rollout: words } = texts;

/** In units of the picture's width, which is as much as there is room for. */
const whole = 100;
/** A wave of one machine in a thousand is still a wave. */
const narrowest = 6;
const parts = ["applied", "partial", "undoing", "undone", "failed"] as const;
/** Where the machines of a part are listed; what failed did so in several ways, and is among all of them. */
const listed: Partial<Record<(typeof parts)[number], PatchStatus>> = {
  applied: "applied",
  partial: "partial",
  undoing: "undo-pending",
  undone: "undone",
};

/**
 * The waves from left to right, each as wide as the share of machines that it adds, and what became of those in the open waves. Drawn
 * by the server; as the numbers change the bars grow, and nothing else moves.
 */
export const WavesPicture: FC<{ rollout: RolloutView }> = ({ rollout }) => {
  const ends = endsOf(rollout.waves);
  const open = ends[rollout.wave - 1] ?? whole;
  const total = Math.max(rollout.gate.machines, rollout.gate.tried, 1);
  let at = 0;
  const bars = parts.map((part) => {
    const bar = { part, from: at, wide: (open * rollout.machines[part]) / total };
    at += bar.wide;
    return bar;
  });
  return (
    <figure class="waves">
      <svg role="img" aria-label={words.picture(rollout.wave, rollout.waves.length)}>
        <defs>
          <pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="8" height="8" class="failed" />
            <rect width="3" height="8" class="gap" />
          </pattern>
        </defs>
        <rect class="later" x="0" y="27" width="100%" height="8" />
        <rect class="waiting" x="0" y="20" width={percent(open)} height="22" />
        {bars.map(({ part, from, wide }) => (
          <rect
            id={`bar-${part}`}
            class={part}
            x={percent(from)}
            y="20"
            width={percent(wide)}
            height="22"
            fill={part === "failed" ? "url(#hatch)" : undefined}
          />
        ))}
        {ends.map((end, index) => (
          <g class={index < rollout.wave ? "open" : undefined}>
            <text x={percent(ends[index - 1] ?? 0)} y="11" dx="4">
              {texts.number(index + 1)}
            </text>
            {end < whole && <line class="boundary" x1={percent(end)} x2={percent(end)} y1="2" y2="46" />}
          </g>
        ))}
      </svg>
      <figcaption>
        <ul class="legend-row">
          {parts.map((part) => (
            <li>
              <i class={`swatch ${part}`} aria-hidden="true" />
              {words.legend[part]}{" "}
              <a href={patchMachinesHref(rollout.patch, listed[part])}>
                <strong>{texts.number(rollout.machines[part])}</strong>
              </a>
            </li>
          ))}
          <li>
            <i class="swatch waiting" aria-hidden="true" />
            {words.legend.waiting}{" "}
            <strong>{texts.number(Math.max(0, rollout.gate.machines - rollout.gate.tried))}</strong>
          </li>
          {rollout.wave < rollout.waves.length && (
            <li>
              <i class="swatch later" aria-hidden="true" />
              {words.legend.later}
            </li>
          )}
        </ul>
      </figcaption>
    </figure>
  );
};

/** The same as a table: each wave, whom it takes, and how it stands. */
export const WavesTable: FC<{ rollout: RolloutView; now: number }> = ({ rollout, now }) => (
  <DataTable
    label={words.waves}
    rows={rollout.waves.map((wave, at) => ({ ...wave, number: at + 1 }))}
    columns={[
      { head: words.wave, cell: ({ number }) => texts.number(number) },
      { head: words.who, cell: ({ share, groups = [] }) => words.takes(share, groups) },
      { head: words.bake, cell: ({ bakeMinutes }) => words.minutes(bakeMinutes) },
      { head: words.waveState, cell: ({ number }) => words.waveStates[stateOf(number, rollout)] },
      {
        head: words.opened,
        cell({ number }) {
          const at = openedAt(number, rollout);
          return at === undefined ? "–" : <Moment at={at} now={now} />;
        },
      },
    ]}
  />
);

/** Where each wave ends, the last at the picture's end. A wave of groups alone, whose share nobody knows, is as narrow as any. */
function endsOf(waves: readonly Wave[]): number[] {
  let taken = 0;
  const added = waves.map(({ share }) => {
    const more = Math.max(0, (share ?? taken) - taken);
    taken += more;
    return Math.max(narrowest, more * whole);
  });
  const sum = added.reduce((all, each) => all + each, 0);
  let end = 0;
  return added.map((each) => {
    end += (each / sum) * whole;
    return end;
  });
}

function stateOf(number: number, { wave, state }: RolloutView): keyof typeof words.waveStates {
  if (number < wave || (number === wave && state === "done")) return "done";
  if (number === wave) return "open";
  return state === "aborted" ? "never" : "later";
}

function openedAt(number: number, { history }: RolloutView): number | undefined {
  const opened = history.find(({ what, wave }) => wave === number && ["started", "wave", "skipped"].includes(what));
  return opened && Date.parse(opened.at);
}

/** Tenths are enough of a picture, and its text stays the same where nothing moved. */
function percent(units: number): string {
  return `${units.toFixed(1)}%`;
}
