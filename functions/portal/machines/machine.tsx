import type { FC } from "hono/jsx";
import type { ForeignClient, LoadedLivepatch } from "../../../protocol/wire/host.ts";
import type { Incident } from "../../../protocol/wire/incident.ts";
import { type Refusal, refusedThing } from "../../../protocol/wire/refusal.ts";
import { blamedPatch } from "../../domain/late-trouble.ts";
import { DataTable, hrefWith } from "../parts/data-table.tsx";
import { Evidence, pauseOf } from "../parts/evidence.tsx";
import { Facts } from "../parts/facts.tsx";
import { Careful } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { PatchLabel, SeverityBadge } from "../parts/patch-label.tsx";
import { ConditionMark, StatusMark } from "../parts/state.tsx";
import { whyNoVariant } from "../status.ts";
import { texts } from "../texts.ts";
import type { MachineView, PatchOnMachine, ShownReceipt } from "./read.ts";

type Props = { view: MachineView & { receipts: ShownReceipt[] }; mayPin: boolean; mayRetire: boolean; now: number };

/** More reasons than this help nobody. */
const maxReasons = 3;
const { machine: words } = texts;

/** One machine: what it is, its patches and why not, and what was done on it. */
export const MachinePage: FC<Props> = ({ view, mayPin, mayRetire, now }) => {
  const { machine, patches, condition, receipts } = view;
  const { facts } = machine;
  return (
    <>
      <header class="title">
        <h1>
          <bdi>{facts.hostname || machine.machine}</bdi>
        </h1>
        <p>
          <ConditionMark condition={condition} /> <span class="advice">{texts.conditions[condition].advice}</span>
        </p>
      </header>
      {machine.retiredAt !== undefined && (
        <p class="withdrawal" role="note">
          <strong>{words.retired}</strong> <Moment at={machine.retiredAt} now={now} />
          {". "}
          {words.retiredBy[machine.retiredBy ?? "itself"]}
        </p>
      )}
      {facts.limited?.map((each) => (
        <p class="advice">{words.limited(each.patch, texts.exact(each.until * 1000))}</p>
      ))}
      {facts.refusals !== undefined && <RefusedThings refusals={facts.refusals} now={now} />}
      <h2>{words.patches}</h2>
      {patches.length === 0 ? <p class="empty">{words.noPatches}</p> : <Patches view={view} now={now} />}
      <h2>{words.timeline}</h2>
      {receipts.length === 0 ? (
        <p class="empty">{words.noReceipts}</p>
      ) : (
        <ol class="timeline">
          {receipts.map((receipt) => (
            <Step shown={receipt} patches={patches} now={now} />
          ))}
        </ol>
      )}
      <h2>{words.facts}</h2>
      <Facts
        facts={[
          [words.group, machine.group],
          [words.seen, <Moment at={machine.seenAt} now={now} />],
          [words.enrolled, <Moment at={machine.enrolledAt} now={now} />],
          [words.system, `${facts.os} ${facts.arch}`],
          [words.kernel, facts.kernel],
          ...(facts.waitingKernel === undefined
            ? []
            : ([
                [
                  words.waitingKernel,
                  <>
                    {facts.waitingKernel.release}, <Moment at={facts.waitingKernel.since * 1000} now={now} />
                  </>,
                ],
              ] as const)),
          ...(facts.livepatch === undefined
            ? []
            : ([[words.livepatches, <Livepatches loaded={facts.livepatch.loaded} />]] as const)),
          ...(facts.clients === undefined
            ? []
            : ([[words.clients, facts.clients.map((client) => <ClientFact {...client} />)]] as const)),
          [words.agent, facts.agent],
          [words.builds, texts.number(facts.builds.length)],
          [words.engines, facts.engines.map((engine) => <EngineFact {...engine} />)],
          [words.id, <code>{machine.machine}</code>],
        ]}
      />
      {(mayPin || mayRetire) && <h2>{words.actions}</h2>}
      {mayPin && (
        <p>
          <a href={hrefWith("/pins/new", { machine: machine.machine })}>{words.pin}</a>
        </p>
      )}
      {mayRetire && machine.retiredAt === undefined && (
        <Careful action={`/machines/${machine.machine}/retire`} word={words.retire} what={words.retires} />
      )}
    </>
  );
};

const RefusedThings: FC<{ refusals: readonly Refusal[]; now: number }> = ({ refusals, now }) => (
  <section aria-label={words.refused}>
    <h2>{words.refused}</h2>
    <p class="advice">{words.refusedAdvice}</p>
    <DataTable
      label={words.refused}
      rows={refusals}
      columns={[
        { head: words.what, cell: (refusal) => refusedThing(refusal) },
        {
          head: words.why,
          cell: ({ code, detail }) => (
            <>
              <code>{code}</code>
              <small class="detail">{detail}</small>
            </>
          ),
        },
        { head: words.since, cell: ({ since }) => <Moment at={since * 1000} now={now} /> },
        { head: words.last, cell: ({ last }) => <Moment at={last * 1000} now={now} /> },
        {
          head: words.over,
          cell: ({ over }) =>
            over === undefined ? (
              <strong class="failing">{words.goesOn}</strong>
            ) : (
              <Moment at={over * 1000} now={now} />
            ),
        },
      ]}
    />
  </section>
);

const EngineFact: FC<MachineView["machine"]["facts"]["engines"][number]> = ({ name, supported, reason }) => (
  <div>
    {name}: {supported ? words.supported : reason}
  </div>
);

const ClientFact: FC<ForeignClient> = ({ engine, version, level, detail }) => (
  <div>
    {engine} {version}: {level === null ? words.nothingIn : <code>{level}</code>}
    <small class="detail">{detail}</small>
  </div>
);

const Livepatches: FC<{ loaded: readonly LoadedLivepatch[] }> = ({ loaded }) => (
  <>
    {loaded.length === 0 && words.noLivepatches}
    {loaded.map(({ module, enabled, transition, patch }) => (
      <div>
        <code>{module}</code>: {transition ? words.inTransition : enabled ? words.enabled : words.disabled}
        {patch === null && `, ${words.notOurs}`}
      </div>
    ))}
  </>
);

const Patches: FC<{ view: MachineView; now: number }> = ({ view: { patches, machine }, now }) => (
  <table class="cards">
    <thead>
      <tr>
        <th scope="col">{words.patch}</th>
        <th scope="col">{words.severity}</th>
        <th scope="col">{words.state}</th>
        <th scope="col">{words.since}</th>
      </tr>
    </thead>
    <tbody>
      {patches.map(({ id, patch, status, detail, at, waiting }) => (
        <tr>
          <th scope="row">
            <PatchLabel id={id} patch={patch} />
          </th>
          <td data-label={words.severity}>{patch && <SeverityBadge severity={patch.manifest.severity} />}</td>
          <td data-label={words.state}>
            <StatusMark status={status} />
            <small class="advice">{texts.statuses[status].advice}</small>
            {waiting && (
              <small class="detail">
                {words.waiting[waiting.action](waiting.tasks.length)} {texts.exact(waiting.since * 1000)}:{" "}
                {waiting.tasks.map(({ task, pid }) => `${task} (${pid})`).join(", ")}
              </small>
            )}
            {detail && !waiting && <small class="detail">{detail}</small>}
            {status === "no-variant" && patch && (
              <small class="detail">
                {words.whyNot} {whyNoVariant(patch, machine.facts).slice(0, maxReasons).join("; ")}
              </small>
            )}
          </td>
          <td data-label={words.since}>{at === undefined ? "–" : <Moment at={at} now={now} />}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

const IncidentStep: FC<{ incident: Incident; patches: readonly PatchOnMachine[] }> = ({ incident, patches }) => {
  const { sequence, kind, detail, at } = incident;
  const blamed = blamedPatch(incident);
  return (
    <li id={`receipt-${sequence}`}>
      <p>
        <StatusMark status="trouble" /> <span class="exact">{texts.exact(at * 1000)}</span>
      </p>
      <p>{words.incidents[kind]}</p>
      {blamed === undefined ? (
        <p class="advice">{words.nobodysFault}</p>
      ) : (
        <p>
          <PatchLabel id={blamed.patch} patch={patches.find((each) => each.id === blamed.patch)?.patch} />
        </p>
      )}
      {detail && <p class="detail">{detail}</p>}
    </li>
  );
};

const Step: FC<{ shown: ShownReceipt; patches: readonly PatchOnMachine[]; now: number }> = (props) => {
  const { sequence, receivedAt, receipt, incident } = props.shown;
  if (incident !== undefined) return <IncidentStep incident={incident} patches={props.patches} />;
  if (receipt === undefined) {
    return (
      <li id={`receipt-${sequence}`}>
        <Moment at={receivedAt} now={props.now} />
        <p class="failing">
          {words.receipt(sequence)}: {words.badReceipt}
        </p>
      </li>
    );
  }
  const { code, patch: id, detail, evidence, planSeq, at } = receipt;
  const pause = pauseOf(evidence);
  return (
    <li id={`receipt-${sequence}`}>
      <p>
        <StatusMark status={code} /> <span class="exact">{texts.exact(at * 1000)}</span>
        {pause !== undefined && ` · ${texts.evidence.paused(pause)}`}
      </p>
      <p>
        <PatchLabel id={id} patch={props.patches.find((each) => each.id === id)?.patch} />
      </p>
      {detail && <p class="detail">{detail}</p>}
      <details>
        <summary>
          {words.evidence} · {words.receipt(sequence)}, {words.signed}
        </summary>
        <p class="advice">{planSeq === 0 ? words.byHand : words.byPlan(planSeq)}</p>
        <Evidence evidence={evidence} />
      </details>
    </li>
  );
};
