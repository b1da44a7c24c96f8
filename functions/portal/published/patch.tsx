import type { FC } from "hono/jsx";
import type { RecallView } from "../../../protocol/wire/recalls.ts";
import type { PatchHoldView } from "../../../protocol/wire/rollout.ts";
import type { PatchDetail } from "../../../protocol/wire/vendor.ts";
import { Copy } from "../parts/copy.tsx";
import { Cves } from "../parts/cves.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Facts } from "../parts/facts.tsx";
import { Refusal } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { SeverityBadge } from "../parts/patch-label.tsx";
import { PatchStateMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import { HoldMark, holdStateOf, publishedHref } from "./list.tsx";

const { published: words, patch: facts } = texts;

type Props = {
  patch: PatchDetail;
  hold: PatchHoldView;
  /** undefined where it is not withdrawn */
  recall: RecallView | undefined;
  mayPublish: boolean;
  refusal?: string | undefined;
  now: number;
};

/** A patch as its vendor sees it: how far it has come, who stopped it, and what to do about that. */
export const PublishedPatchPage: FC<Props> = ({ patch, hold, recall, mayPublish, refusal, now }) => (
  <>
    <header class="title">
      <h1>{patch.title}</h1>
      <p>
        <SeverityBadge severity={patch.severity} /> <PatchStateMark state={patch.state} />{" "}
        <span class="advice">{texts.patchStates[patch.state].advice}</span>
      </p>
      <p class="advice">{patch.id}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    {recall && <Recalled recall={recall} />}
    <Hold patch={patch} hold={hold} mayPublish={mayPublish} />
    <h2>{words.adoption}</h2>
    <Adoption patch={patch} />
    <h2>{texts.machine.facts}</h2>
    <Facts
      facts={[
        [facts.cves, <Cves ids={patch.cves} none={facts.noCves} />],
        [facts.live, <Moment at={Date.parse(patch.liveAt)} now={now} />],
        [facts.variants, texts.number(patch.manifest.variants.length)],
        [words.evidence, words.evidenceSays(patch.evidence.healthy, patch.evidence.machines, patch.evidence.hours)],
      ]}
    />
    {mayPublish && patch.state === "live" && <Commands patch={patch} />}
    {!mayPublish && <p class="advice">{words.readOnly}</p>}
  </>
);

const Hold: FC<Pick<Props, "patch" | "hold" | "mayPublish">> = ({ patch, hold, mayPublish }) => {
  const state = holdStateOf(hold);
  const says = { held: words.isHeld(hold.byVendor, hold.halts), halted: words.isHalted(hold.halts) };
  return (
    <section>
      <h2>{words.holdTitle}</h2>
      <p>{state === undefined ? words.isFree : <HoldMark hold={hold} />}</p>
      {state !== undefined && <p>{says[state]}</p>}
      {hold.answer !== undefined && <p class="advice">{words.lastAnswer(hold.answer)}</p>}
      {mayPublish && patch.state === "live" && (
        <form id="hold" method="post" action={publishedHref(patch.id)}>
          <label>
            {words.answer}
            <textarea name="answer" id="answer" rows={2} maxlength={500} required aria-describedby="answer-hint" />
          </label>
          <small id="answer-hint">{words.answerHint}</small>
          <p class="buttons">
            {state !== undefined && (
              <button type="submit" name="held" value="no">
                {words.release}
              </button>
            )}
            {!hold.byVendor && (
              <button type="submit" name="held" value="yes" class="quiet-button" title={words.holdSays}>
                {words.holdIt}
              </button>
            )}
          </p>
        </form>
      )}
    </section>
  );
};

const Adoption: FC<Pick<Props, "patch">> = ({ patch: { adoption } }) => {
  const { running, done, halted, aborted } = adoption.rollouts;
  const kinds = ["applied", "partial", "failed", "undoing", "undone", "skipped"] as const;
  return (
    <>
      <Facts
        facts={[
          [words.customers, <a href="/usage#subscriptions">{texts.number(adoption.customers)}</a>],
          [words.rollouts, words.rolloutsSay(running, done, halted, aborted)],
        ]}
      />
      <DataTable
        label={words.adoption}
        rows={kinds}
        columns={[
          { head: words.outcome, cell: (kind) => words.outcomes[kind] },
          { head: words.machines, numeric: true, cell: (kind) => texts.number(adoption.machines[kind]) },
        ]}
      />
      <p class="advice">{words.sums}</p>
    </>
  );
};

const Recalled: FC<{ recall: RecallView }> = ({ recall }) => (
  <section class="withdrawal" role="note">
    <strong>{words.recall}</strong>
    <p>
      {words.recallSays(recall.undone, recall.pending)}
      {recall.medianSeconds !== null &&
        recall.slowestSeconds !== null &&
        `; ${words.took(words.seconds(recall.medianSeconds), words.seconds(recall.slowestSeconds))}`}
      {recall.isSample && `. ${words.sample}`}
    </p>
  </section>
);

const Commands: FC<Pick<Props, "patch">> = ({ patch: { id, channel } }) => {
  const path = id.slice(id.indexOf("/") + 1);
  const later = { edge: "beta", beta: "stable", stable: undefined }[channel];
  return (
    <>
      {later !== undefined && (
        <details>
          <summary>{words.promote}</summary>
          <p>{words.promoteSays}</p>
          <Copy text={words.promoteCommand(path, later)} />
        </details>
      )}
      <details>
        <summary>{words.withdraw}</summary>
        <ol>
          {words.withdrawSays.map((step) => (
            <li>{step}</li>
          ))}
        </ol>
        <Copy text={words.withdrawCommand(path)} />
        <p class="advice">{words.withdrawSeen}</p>
      </details>
    </>
  );
};
