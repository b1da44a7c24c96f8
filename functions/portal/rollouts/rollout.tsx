import type { FC } from "hono/jsx";
import type { RolloutDecision, RolloutView } from "../../../protocol/wire/rollout.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Refusal } from "../parts/form.tsx";
import { patchHref, patchMachinesHref } from "../parts/patch-label.tsx";
import { texts } from "../texts.ts";
import { Gates } from "./gates.tsx";
import { RolloutMark, type RolloutState } from "./state.tsx";
import { WavesPicture, WavesTable } from "./waves.tsx";

const { rollout: words } = texts;

/** What each button asks of the API. */
export const deeds = {
  approve: { do: "approve" },
  halt: { do: "halt", undo: false },
  "halt-undo": { do: "halt", undo: true },
  resume: { do: "resume" },
  skip: { do: "skip" },
  abort: { do: "abort", undo: false },
  "abort-undo": { do: "abort", undo: true },
  note: { do: "note" },
} as const satisfies Record<string, Pick<RolloutDecision, "do" | "undo">>;
export type Deed = keyof typeof deeds;

type Props = {
  rollout: RolloutView;
  title: string;
  state: RolloutState;
  /** whether whoever looks may decide */
  mayDecide: boolean;
  refusal?: string | undefined;
  now: number;
};

/** One rollout: how far it is, what its gates see, what failed, whose word it needs; after its end, the review. */
export const RolloutPage: FC<Props> = ({ rollout, title, state, mayDecide, refusal, now }) => (
  <>
    <header class="title">
      <h1>{title}</h1>
      <p>
        <RolloutMark state={state} /> <span class="advice">{texts.rollouts.states[state].advice}</span>
      </p>
      <p class="advice">
        <a href={patchHref(rollout.patch)}>{rollout.patch}</a>
        {rollout.approvedBy !== undefined && ` · ${words.approvedBy(rollout.approvedBy)}`}
      </p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <WavesPicture rollout={rollout} />
    {mayDecide ? <Decide rollout={rollout} state={state} /> : <p class="advice">{words.readOnly}</p>}
    <h2>{words.gates}</h2>
    <Gates rollout={rollout} now={now} />
    <p class="advice">{words.onHalt[rollout.onHalt]}</p>
    <h2>{words.causes}</h2>
    <Causes rollout={rollout} />
    <h2>{words.waves}</h2>
    <WavesTable rollout={rollout} now={now} />
    <h2>{words.history}</h2>
    <Review rollout={rollout} />
  </>
);

/** Which decisions a rollout is open to; the first is the one that its state calls for. */
const open: Record<RolloutState, { first: readonly Deed[]; more: readonly Deed[] }> = {
  asking: { first: ["approve"], more: ["halt", "halt-undo", "skip", "abort", "abort-undo"] },
  running: { first: ["halt", "halt-undo"], more: ["skip", "abort", "abort-undo"] },
  halted: { first: ["resume"], more: ["abort", "abort-undo"] },
  undoing: { first: ["resume"], more: ["abort", "abort-undo"] },
  done: { first: ["halt", "halt-undo"], more: ["abort", "abort-undo"] },
  aborted: { first: [], more: [] },
};

const Decide: FC<{ rollout: RolloutView; state: RolloutState }> = ({ rollout, state }) => {
  const { first, more } = open[state];
  const possible = (deed: Deed) => deed !== "skip" || rollout.wave < rollout.waves.length;
  return (
    <form id="decide" method="post" action={rolloutHref(rollout.patch)} class="decide" aria-label={words.actions}>
      <label>
        {words.note}
        <textarea name="note" id="note" rows={1} maxlength={500} aria-describedby="note-hint" />
      </label>
      <small id="note-hint">{words.noteHint}</small>
      <p class="buttons">
        {first.map((deed) => (
          <Button deed={deed} primary={state === "asking" || deed === "resume"} />
        ))}
        <Button deed="note" />
      </p>
      {more.length > 0 && (
        <details>
          <summary>{words.more}</summary>
          {more.filter(possible).map((deed) => (
            <p class="buttons">
              <Button deed={deed} />{" "}
              <span class="advice">{deed in words.whatDoes && words.whatDoes[deed as never]}</span>
            </p>
          ))}
        </details>
      )}
    </form>
  );
};

const Button: FC<{ deed: Deed; primary?: boolean }> = ({ deed, primary }) => (
  <button type="submit" name="do" value={deed} class={primary ? undefined : "quiet-button"}>
    {words.does[deed]}
  </button>
);

const Causes: FC<{ rollout: RolloutView }> = ({ rollout: { machines, patch } }) => {
  const causes = Object.entries(machines.causes);
  if (causes.length === 0) return <p class="empty">{words.noCauses}</p>;
  return (
    <DataTable
      label={words.causes}
      rows={causes}
      columns={[
        { head: words.cause, cell: ([cause]) => words.causeWords[cause] ?? cause },
        {
          head: words.count,
          numeric: true,
          cell: ([, count]) => <a href={patchMachinesHref(patch)}>{texts.number(count)}</a>,
        },
      ]}
    />
  );
};

const Review: FC<{ rollout: RolloutView }> = ({ rollout: { history } }) => (
  <ol class="timeline">
    {history.toReversed().map(({ at, what, by, wave, minutes, detail }) => (
      <li>
        <p>
          <strong>{words.whats[what]}</strong> <span class="exact">{texts.exact(Date.parse(at))}</span>
        </p>
        <p class="advice">
          {[by === "gates" ? words.byGates : by, words.inWave(wave), words.after(minutes)].join(" · ")}
        </p>
        {detail && <p class="detail">{detail}</p>}
      </li>
    ))}
  </ol>
);

/** A rollout's page. */
export function rolloutHref(patch: string): string {
  return `/rollouts/${patch.split("/").map(encodeURIComponent).join("/")}`;
}
