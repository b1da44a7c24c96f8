import type { FC } from "hono/jsx";
import type { RolloutView } from "../../../protocol/wire/rollout.ts";
import type { Tone } from "../../domain/status.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

const { rollout: words } = texts;
/** From so many tries on the share that fails is weighed (docs/rollouts.md). */
const weighedFrom = 10;

type Row = { gate: string; now: string; limit: string; tone: Tone; word: string };

/** What the next wave and a halt depend on: each number beside its limit. */
export const Gates: FC<{ rollout: RolloutView; now: number }> = ({ rollout, now }) => (
  <DataTable
    label={words.gates}
    rows={rowsOf(rollout, now)}
    columns={[
      { head: words.gate, cell: ({ gate }) => gate },
      { head: words.now, cell: (row) => row.now },
      { head: words.limit, cell: ({ limit }) => limit },
      { head: words.verdict, cell: ({ tone, word }) => <Mark tone={tone} word={word} advice={word} /> },
    ]}
  />
);

function rowsOf(rollout: RolloutView, now: number): Row[] {
  const { gate, failureLimit, history } = rollout;
  const resumed = history.some(({ what }) => what === "resumed");
  const enough = (is: boolean): Pick<Row, "tone" | "word"> =>
    is ? { tone: "good", word: words.enough } : { tone: "moving", word: words.waits };
  const opened = Date.parse(gate.openedAt);
  const until = Date.parse(gate.bakesUntil);
  const failures = (name: string, { attempts, failures: failed, lowerBound }: typeof gate.wave): Row => {
    const isOver = attempts >= weighedFrom ? lowerBound > failureLimit : failed > 0 && gate.machines < weighedFrom;
    return {
      gate: name,
      now: words.failedOf(failed, attempts),
      limit: gate.machines < weighedFrom ? words.anyFailure : words.bound(lowerBound, failureLimit),
      ...(isOver ? { tone: "failing", word: words.beyond } : { tone: "good", word: words.inside }),
    };
  };
  return [
    failures(resumed ? words.failuresSince : words.failures, gate.rollout),
    failures(words.waveFailures, gate.wave),
    {
      gate: words.tried,
      now: words.triedNow(gate.tried, gate.machines),
      limit: words.wanted(gate.wanted),
      ...enough(gate.tried >= gate.wanted),
    },
    {
      gate: words.bakes,
      now: words.bakesNow(texts.ago(opened, now)),
      limit: words.bakesUntil(words.minutes(Math.round((until - opened) / 60_000))),
      ...enough(now >= until),
    },
  ];
}
