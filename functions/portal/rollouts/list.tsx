import type { FC } from "hono/jsx";
import type { RolloutView } from "../../../protocol/wire/rollout.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";
import { rolloutHref } from "./rollout.tsx";
import { RolloutMark, type RolloutState, rolloutStates } from "./state.tsx";

const { rollouts: words } = texts;

export type ListedRollout = { rollout: RolloutView; title: string; state: RolloutState };
type Props = { rollouts: readonly ListedRollout[]; only: RolloutState | undefined; now: number };

/** Every rollout, those that need a person first. */
export const RolloutsPage: FC<Props> = ({ rollouts, only, now }) => {
  if (rollouts.length === 0) return <FirstRollout />;
  const shown = rollouts.filter(({ state }) => only === undefined || state === only);
  return (
    <>
      <h1>{words.title}</h1>
      <Counts rollouts={rollouts} only={only} />
      {shown.length === 0 ? (
        <p class="empty">
          {words.none} <a href="/rollouts">{words.all}</a>
        </p>
      ) : (
        <DataTable
          label={words.label}
          rows={shown}
          idOf={({ rollout }) => rollout.patch}
          columns={[
            {
              head: words.patch,
              cell: ({ rollout, title }) => (
                <>
                  <a href={rolloutHref(rollout.patch)}>{title}</a>
                  <small class="id">{rollout.patch}</small>
                </>
              ),
            },
            { head: words.state, cell: ({ state }) => <RolloutMark state={state} /> },
            { head: words.wave, cell: ({ rollout }) => words.waveOf(rollout.wave, rollout.waves.length) },
            { head: words.applied, numeric: true, cell: ({ rollout }) => texts.number(rollout.machines.applied) },
            { head: words.partial, numeric: true, cell: ({ rollout }) => texts.number(rollout.machines.partial) },
            { head: words.failed, numeric: true, cell: ({ rollout }) => texts.number(rollout.machines.failed) },
            { head: words.undone, numeric: true, cell: ({ rollout }) => texts.number(rollout.machines.undone) },
            { head: words.started, cell: ({ rollout }) => <Moment at={startedAt(rollout)} now={now} /> },
          ]}
        />
      )}
      <ListFoot csv={hrefWith("/rollouts.csv", { state: only })} />
    </>
  );
};

const Counts: FC<Pick<Props, "rollouts" | "only">> = ({ rollouts, only }) => (
  <ul class="counts" aria-label={words.counts}>
    <li>
      <a href="/rollouts" aria-current={only === undefined ? "true" : undefined}>
        <strong>{texts.number(rollouts.length)}</strong>
        <span>{words.all}</span>
      </a>
    </li>
    {rolloutStates.map((state) => {
      const count = rollouts.filter((each) => each.state === state).length;
      return (
        <li>
          <a
            href={hrefWith("/rollouts", { state })}
            aria-current={only === state ? "true" : undefined}
            class={count === 0 ? "zero" : undefined}
          >
            <strong>{texts.number(count)}</strong>
            <RolloutMark state={state} />
          </a>
        </li>
      );
    })}
  </ul>
);

const FirstRollout: FC = () => (
  <section class="first-steps">
    <h1>{words.empty.title}</h1>
    <p>{words.empty.first}</p>
    <p>
      <a href="/policies/new">{words.empty.action}</a>
    </p>
  </section>
);

/** The list as rows of a file. */
export function rolloutsCsv(rollouts: readonly ListedRollout[]): (string | number)[][] {
  const heads = [
    "patch",
    "title",
    "state",
    "wave",
    "waves",
    "applied",
    "partial",
    "failed",
    "undone",
    "started",
    "approvedBy",
  ];
  return [
    heads,
    ...rollouts.map(({ rollout, title, state }) => [
      rollout.patch,
      title,
      state,
      rollout.wave,
      rollout.waves.length,
      rollout.machines.applied,
      rollout.machines.partial,
      rollout.machines.failed,
      rollout.machines.undone,
      new Date(startedAt(rollout)).toISOString(),
      rollout.approvedBy ?? "",
    ]),
  ];
}

export function startedAt({ history }: RolloutView): number {
  return Date.parse(history[0]?.at ?? "");
}
