import type { FC } from "hono/jsx";
import { type Condition, conditions, type PatchStatus } from "../../domain/status.ts";
import { type Column, DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { ConditionMark, Legend } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import type { Fleet, MachineView } from "./fleet.ts";

/** What narrows the list; `text` is empty and `condition` undefined where nothing does. */
export type FleetFilter = { text: string; condition: Condition | undefined };
type Props = { fleet: Fleet; filter: FleetFilter; customer: string; origin: string; now: number };

/** More rows than this say less than a narrower filter. */
const maxRows = 200;
const { fleet: words } = texts;

/** Every machine at a glance. */
export const FleetPage: FC<Props> = ({ fleet, filter, customer, origin, now }) => {
  if (fleet.machines.length === 0) return <FirstMachine customer={customer} origin={origin} />;
  const matching = fleet.machines.filter((view) => matches(view, filter));
  const hidden = matching.length - maxRows;
  return (
    <>
      <h1>{words.title}</h1>
      <Counts machines={fleet.machines} filter={filter} />
      {matching.length === 0 ? (
        <p class="empty">
          {words.none} <a href="/machines">{words.clear}</a>
        </p>
      ) : (
        <>
          <DataTable
            label={words.title}
            columns={columns(now)}
            rows={matching.slice(0, maxRows)}
            idOf={({ machine }) => machine.machine}
          />
          <ListFoot csv={hrefWith("/machines.csv", queryOf(filter))} />
        </>
      )}
      {hidden > 0 && <p>{words.more(hidden)}</p>}
      <Legend />
    </>
  );
};

/** The filter lies outside what is polled, so that typing is never disturbed. */
export const FleetFilterForm: FC<{ filter: FleetFilter }> = ({ filter }) => (
  <search>
    <form action="/machines" class="filter">
      <input type="search" name="q" value={filter.text} placeholder={words.filter} aria-label={words.filter} />
      {filter.condition && <input type="hidden" name="state" value={filter.condition} />}
      <button type="submit" class="quiet-button">
        {words.apply}
      </button>
    </form>
  </search>
);

const Counts: FC<{ machines: readonly MachineView[]; filter: FleetFilter }> = ({ machines, filter }) => (
  <ul class="counts" aria-label={words.counts}>
    <li>
      <a href={hrefOf({ ...filter, condition: undefined })} aria-current={filter.condition ? undefined : "true"}>
        <strong>{texts.number(machines.length)}</strong>
        <span>{words.all}</span>
      </a>
    </li>
    {conditions.map((condition) => {
      const count = machines.filter((view) => view.condition === condition).length;
      return (
        <li>
          <a
            href={hrefOf({ ...filter, condition })}
            aria-current={filter.condition === condition ? "true" : undefined}
            class={count === 0 ? "zero" : undefined}
          >
            <strong>{texts.number(count)}</strong>
            <ConditionMark condition={condition} />
          </a>
        </li>
      );
    })}
  </ul>
);

const columns = (now: number): Column<MachineView>[] => [
  {
    head: words.machine,
    cell: ({ machine }) => (
      <a href={`/machines/${machine.machine}`}>
        <bdi>{machine.facts.hostname || machine.machine}</bdi>
      </a>
    ),
  },
  { head: words.group, cell: ({ machine }) => machine.group },
  { head: words.state, cell: ({ condition }) => <ConditionMark condition={condition} /> },
  { head: words.patches, cell: ({ patches }) => summaryOf(patches.map(({ status }) => status)) },
  { head: words.seen, cell: ({ machine }) => <Moment at={machine.seenAt} now={now} /> },
];

/** The list as a file, its columns' names first. */
export function machinesCsv(fleet: Fleet, filter: FleetFilter): (string | number)[][] {
  const rows = fleet.machines
    .filter((view) => matches(view, filter))
    .map(({ machine, patches, condition }) => [
      machine.machine,
      machine.facts.hostname,
      machine.group,
      texts.conditions[condition].word,
      summaryOf(patches.map(({ status }) => status)),
      new Date(machine.seenAt).toISOString(),
    ]);
  return [[words.id, words.machine, words.group, words.state, words.patches, words.seen], ...rows];
}

const FirstMachine: FC<{ customer: string; origin: string }> = ({ customer, origin }) => (
  <section class="first-steps">
    <h1>{words.empty.title}</h1>
    <ol>
      <li>
        {words.empty.first}
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

/** `2 Applied · 1 Blocked`: a machine's patches by word. */
function summaryOf(statuses: readonly PatchStatus[]): string {
  const words = Map.groupBy(statuses, (status) => texts.statuses[status].word);
  return [...words].map(([word, found]) => `${texts.number(found.length)} ${word.toLowerCase()}`).join(" · ") || "–";
}

function matches({ machine, patches, condition }: MachineView, filter: FleetFilter): boolean {
  if (filter.condition !== undefined && condition !== filter.condition) return false;
  const wanted = filter.text.toLowerCase();
  const searched = [machine.facts.hostname, machine.group, machine.machine, ...patches.map(({ id }) => id)];
  return searched.some((text) => text.toLowerCase().includes(wanted));
}

/** The fleet's address with this filter. */
export const hrefOf = (filter: FleetFilter): string => hrefWith("/machines", queryOf(filter));

const queryOf = ({ text, condition }: FleetFilter) => ({ q: text, state: condition });
