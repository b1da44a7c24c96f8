import type { Child, FC } from "hono/jsx";
import { type Condition, conditions, isOpen, type PatchStatus } from "../../domain/status.ts";
import type { FleetCounts } from "../../stores/fleet/counts.ts";
import { type FleetFilter, orderOf } from "../../stores/fleet/lists.ts";
import { exposureOf, type IndexedMachine, severities } from "../../stores/fleet/rows.ts";
import type { Page } from "../../stores/page.ts";
import { type Column, DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { SeverityBadge } from "../parts/patch-label.tsx";
import { ConditionMark, Legend } from "../parts/state.tsx";
import { texts } from "../texts.ts";

/** What the list is asked for: `by` is its order, `cursor` the page. */
export type MachinesQuery = FleetFilter & { by: "name" | "seen"; cursor?: string };
type Asked = { [Name in keyof MachinesQuery]?: MachinesQuery[Name] | undefined };
type Props = {
  machines: Page<IndexedMachine>;
  counts: FleetCounts;
  query: MachinesQuery;
  customer: string;
  origin: string;
  now: number;
};

const { fleet: words } = texts;

/** A customer's machines: how many stand how, and the page of them that was asked for. */
export const MachinesPage: FC<Props> = ({ machines, counts, query, customer, origin, now }) => {
  if (totalOf(counts) === 0) return <FirstMachine customer={customer} origin={origin} />;
  const first = hrefOf({ ...query, cursor: undefined });
  return (
    <>
      <Counts counts={counts} query={query} />
      {machines.items.length === 0 && machines.cursor === undefined ? (
        <p class="empty">
          {words.none} <a href="/machines">{words.clear}</a>
        </p>
      ) : (
        <DataTable
          label={words.title}
          columns={columns(now)}
          rows={machines.items}
          idOf={({ machine }) => machine}
          order={{
            by: orderOf(query, query.by),
            hrefOf: (by) => hrefOf({ ...query, by: by as "name" | "seen", cursor: undefined }),
          }}
        />
      )}
      {machines.cursor !== undefined && machines.items.length < 10 && <p class="advice">{words.sparse}</p>}
      <ListFoot
        {...(query.cursor !== undefined && { first })}
        {...(machines.cursor !== undefined && { next: hrefOf({ ...query, cursor: machines.cursor }) })}
        csv={hrefOf({ ...query, cursor: undefined }, "/machines.csv")}
      />
      <Legend />
    </>
  );
};

/** The filter lies outside what is polled, so that typing is never disturbed. */
export const MachinesFilter: FC<{ query: MachinesQuery; groups: readonly string[]; saved: Child }> = (props) => {
  const { query, groups, saved } = props;
  return (
    <search class="filter">
      <form action="/machines">
        <input
          type="search"
          name="q"
          size={32}
          value={query.begins ?? ""}
          placeholder={words.filter}
          aria-label={words.filter}
        />
        <select name="group" aria-label={words.group}>
          <option value="">{words.everyGroup}</option>
          {groups.map((group) => (
            <option value={group} selected={group === query.group}>
              {group}
            </option>
          ))}
        </select>
        {query.condition && <input type="hidden" name="state" value={query.condition} />}
        {query.exposed && <input type="hidden" name="exposed" value={query.exposed} />}
        <button type="submit" class="quiet-button">
          {words.apply}
        </button>
      </form>
      {saved}
    </search>
  );
};

/** The list as a file, its columns' names first. */
export function machinesCsv(machines: readonly IndexedMachine[]): (string | number)[][] {
  const rows = machines.map((machine) => [
    machine.machine,
    machine.hostname,
    machine.group,
    machine.kernel,
    texts.conditions[machine.condition].word,
    openIn(machine).length,
    summaryOf(machine),
    new Date(machine.seenAt).toISOString(),
  ]);
  const head = [words.id, words.machine, words.group, words.kernel, words.state, words.open, words.patches, words.seen];
  return [head, ...rows];
}

/** The address of a list of machines. */
export function hrefOf(query: Asked, path = "/machines"): string {
  const { begins, condition, exposed, group, by, cursor } = query;
  return hrefWith(path, { q: begins, state: condition, exposed, group, by: by === "seen" ? by : undefined, cursor });
}

export function totalOf({ conditions: counted }: FleetCounts): number {
  return Object.values(counted).reduce((sum, count) => sum + count, 0);
}

const Counts: FC<{ counts: FleetCounts; query: MachinesQuery }> = ({ counts, query }) => (
  <>
    <ul class="counts" aria-label={words.counts}>
      <Count
        href={hrefOf({ ...query, condition: undefined, exposed: undefined, cursor: undefined })}
        count={totalOf(counts)}
        isCurrent={query.condition === undefined && query.exposed === undefined}
      >
        <span>{words.all}</span>
      </Count>
      {conditions.map((condition) => (
        <Count
          href={hrefOf({ ...query, condition, exposed: undefined, cursor: undefined })}
          count={counts.conditions[condition] ?? 0}
          isCurrent={query.condition === condition}
        >
          <ConditionMark condition={condition} />
        </Count>
      ))}
    </ul>
    <p class="inline">
      {words.exposedBy}{" "}
      {severities.map((exposed) => (
        <a
          href={hrefOf({ ...query, exposed, condition: undefined, cursor: undefined })}
          aria-current={query.exposed === exposed ? "true" : undefined}
        >
          <SeverityBadge severity={exposed} /> {texts.number(counts.exposed[exposed] ?? 0)}
        </a>
      ))}
    </p>
  </>
);

const Count: FC<{ href: string; count: number; isCurrent: boolean; children?: Child }> = (props) => (
  <li>
    <a
      href={props.href}
      aria-current={props.isCurrent ? "true" : undefined}
      class={props.count === 0 ? "zero" : undefined}
    >
      <strong>{texts.number(props.count)}</strong>
      {props.children}
    </a>
  </li>
);

const columns = (now: number): Column<IndexedMachine>[] => [
  {
    head: words.machine,
    sort: "name",
    cell: ({ machine, hostname }) => (
      <a href={`/machines/${machine}`}>
        <bdi>{hostname || machine}</bdi>
      </a>
    ),
  },
  { head: words.group, cell: ({ group }) => <a href={hrefOf({ group })}>{group}</a> },
  { head: words.state, cell: ({ condition }) => <ConditionMark condition={condition} /> },
  { head: words.open, cell: (machine) => <Open machine={machine} /> },
  { head: words.patches, cell: summaryOf },
  { head: words.kernel, cell: ({ kernel }) => <code>{kernel}</code> },
  { head: words.seen, sort: "seen", cell: ({ seenAt }) => <Moment at={seenAt} now={now} /> },
];

const Open: FC<{ machine: IndexedMachine }> = ({ machine }) => {
  const exposure = exposureOf(machine);
  if (exposure === undefined) return <span class="advice">–</span>;
  return (
    <>
      {texts.number(openIn(machine).length)} <SeverityBadge severity={exposure} />
    </>
  );
};

const FirstMachine: FC<{ customer: string; origin: string }> = ({ customer, origin }) => (
  <section class="first-steps">
    <h2>{words.empty.title}</h2>
    <ol>
      <li>
        {words.empty.first} <a href="/tokens/new">{words.empty.tokens}</a>
        <pre>
          <code>{words.empty.token(customer)}</code>
        </pre>
      </li>
      <li>
        {words.empty.second}
        <pre>
          <code>{words.empty.enrol(origin)}</code>
        </pre>
      </li>
      <li>{words.empty.third}</li>
    </ol>
  </section>
);

function openIn({ standings }: IndexedMachine) {
  return Object.values(standings).filter(({ status }) => isOpen(status));
}

/** `2 applied · 1 blocked`: a machine's patches by word. */
function summaryOf({ standings }: IndexedMachine): string {
  const statuses = Object.values(standings).map(({ status }): PatchStatus => status);
  const found = Map.groupBy(statuses, (status) => texts.statuses[status].word);
  return [...found].map(([word, of]) => `${texts.number(of.length)} ${word.toLowerCase()}`).join(" · ") || "–";
}

/** The conditions that want a person, for whoever asks what is to be done now. */
export const personal: readonly Condition[] = [
  "refusing",
  "failing",
  "cloned",
  "stalled",
  "needs-reboot",
  "attention",
  "silent",
];
