import type { FC } from "hono/jsx";
import { tookWithin } from "../../domain/took.ts";
import { exposureOf } from "../../stores/fleet/rows.ts";
import { totalOf } from "../machines/list.tsx";
import { Cves } from "../parts/cves.tsx";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Facts } from "../parts/facts.tsx";
import { SeverityBadge } from "../parts/patch-label.tsx";
import { ConditionMark, Mark, PatchStateMark, StatusMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import type { Period, Report, ReportedMachine, ReportedReceipt } from "./read.ts";

const { report: words } = texts;

export type ReportQuery = { from: string; to: string; group: string | undefined };
type Props = {
  report: Report;
  query: ReportQuery;
  period: Period;
  account: string;
  user: string;
  cursor: string | undefined;
  now: number;
};

/** What an auditor wants in hand: the period, what was published in it, how each machine stands, and what each one signed. */
export const ReportPage: FC<Props> = ({ report, query, period, account, user, cursor, now }) => {
  const { counts, patches, machines } = report;
  const exposed = Object.values(counts.exposed).reduce((sum, count) => sum + count, 0);
  const published = patches.filter(({ patch }) => period.from <= patch.liveAt && patch.liveAt < period.until);
  const href = (more: Record<string, string | undefined>) => hrefWith("/report", { ...query, ...more });
  return (
    <section>
      <h1>{words.title}</h1>
      <PeriodForm query={query} groups={Object.keys(counts.groups).sort()} />
      <Facts
        facts={[
          [words.account, account],
          [words.period, words.fromTo(query.from, query.to)],
          [words.group, query.group ?? words.everyGroup],
          [words.made, words.madeBy(texts.exact(now), user)],
          [words.machines, texts.number(totalOf(counts))],
          [words.exposed, texts.number(exposed)],
        ]}
      />
      <h2>{words.published}</h2>
      {published.length === 0 ? (
        <p class="empty">{words.nothingPublished}</p>
      ) : (
        <DataTable
          label={words.published}
          rows={published}
          columns={[
            {
              head: texts.patches.patch,
              cell: ({ patch }) => (
                <>
                  {patch.manifest.title}
                  <small class="id">{patch.id}</small>
                </>
              ),
            },
            { head: texts.patches.severity, cell: ({ patch }) => <SeverityBadge severity={patch.manifest.severity} /> },
            { head: texts.patches.cves, cell: ({ patch }) => <Cves ids={patch.manifest.cves} none="–" /> },
            { head: texts.patches.state, cell: ({ patch }) => <PatchStateMark state={patch.state} /> },
            { head: texts.patches.live, cell: ({ patch }) => texts.exact(patch.liveAt) },
            { head: texts.patches.have, numeric: true, cell: ({ have, open }) => words.of(have, have + open) },
            { head: texts.patches.median, numeric: true, cell: ({ took }) => words.duration(tookWithin(took, 0.5)) },
            { head: texts.patches.most, numeric: true, cell: ({ took }) => words.duration(tookWithin(took, 0.95)) },
          ]}
        />
      )}
      <h2>{words.each}</h2>
      {machines.map((each) => (
        <OneMachine {...each} />
      ))}
      {machines.length === 0 && <p class="empty">{texts.fleet.none}</p>}
      <ListFoot
        {...(cursor !== undefined && { first: href({}) })}
        {...(report.cursor !== undefined && { next: href({ cursor: report.cursor }) })}
        csv={hrefWith("/report.csv", query)}
      />
      <p class="advice">{words.how}</p>
    </section>
  );
};

/** What the report covers; on paper it is not there. */
const PeriodForm: FC<{ query: ReportQuery; groups: readonly string[] }> = ({ query, groups }) => (
  <form action="/report" class="filter">
    <input type="date" name="from" value={query.from} aria-label={words.from} required />
    <input type="date" name="to" value={query.to} aria-label={words.to} required />
    <select name="group" aria-label={words.group}>
      <option value="">{words.everyGroup}</option>
      {groups.map((group) => (
        <option value={group} selected={group === query.group}>
          {group}
        </option>
      ))}
    </select>
    <button type="submit" class="quiet-button">
      {words.show}
    </button>
  </form>
);

const OneMachine: FC<ReportedMachine> = ({ machine, receipts }) => {
  const exposure = exposureOf(machine);
  return (
    <section class="reported">
      <h3>
        <a href={`/machines/${machine.machine}`}>
          <bdi>{machine.hostname || machine.machine}</bdi>
        </a>{" "}
        <ConditionMark condition={machine.condition} /> {exposure && <SeverityBadge severity={exposure} />}
      </h3>
      <p class="advice">
        {machine.group} · <code>{machine.machine}</code> · {machine.os} {machine.kernel} ·{" "}
        {words.seen(texts.exact(machine.seenAt))}
      </p>
      {receipts.length > 0 && (
        <DataTable
          label={words.receiptsOf(machine.hostname || machine.machine)}
          rows={receipts}
          columns={[
            { head: words.receipt, cell: ({ sequence }) => texts.number(sequence) },
            { head: words.at, cell: ({ receivedAt }) => texts.exact(receivedAt) },
            { head: texts.patches.patch, cell: (receipt) => <code>{patchOf(receipt)}</code> },
            { head: texts.patches.state, cell: (receipt) => <Outcome receipt={receipt} /> },
            { head: words.signature, cell: (receipt) => <Signature receipt={receipt} /> },
          ]}
        />
      )}
    </section>
  );
};

const Outcome: FC<{ receipt: ReportedReceipt }> = ({ receipt: { receipt, incident } }) => {
  if (receipt !== undefined) return <StatusMark status={receipt.code} />;
  return <span>{incident === undefined ? "–" : texts.machine.incidents[incident.kind]}</span>;
};

const Signature: FC<{ receipt: ReportedReceipt }> = ({ receipt }) => (
  <>
    {isGood(receipt) ? (
      <Mark tone="good" word={words.good} advice={words.goodMeans} />
    ) : (
      <Mark tone="failing" word={words.bad} advice={texts.machine.badReceipt} />
    )}
    <small class="id">{receipt.sha256}</small>
  </>
);

/** Machines of the report as rows of a file: one for each receipt, the columns' names first. */
export function reportCsv(machines: readonly ReportedMachine[]): (string | number)[][] {
  const rows = machines.flatMap(({ machine, receipts }) =>
    receipts.map((receipt) => [
      machine.machine,
      machine.hostname,
      machine.group,
      receipt.sequence,
      new Date(receipt.receivedAt).toISOString(),
      patchOf(receipt),
      receipt.receipt?.code ?? receipt.incident?.kind ?? "",
      isGood(receipt) ? words.good : words.bad,
      receipt.sha256,
    ]),
  );
  const { id, machine, group, receipt, at, patch, outcome, signature, digest } = words;
  return [[id, machine, group, receipt, at, patch, outcome, signature, digest], ...rows];
}

function patchOf({ receipt }: ReportedReceipt): string {
  return receipt?.patch ?? "";
}

function isGood({ receipt, incident }: ReportedReceipt): boolean {
  return receipt !== undefined || incident !== undefined;
}
