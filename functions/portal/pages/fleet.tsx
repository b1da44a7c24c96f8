import type { FC } from "hono/jsx";
import type { Fleet, MachineView } from "../fleet.ts";
import { Moment } from "../parts/moment.tsx";
import { ConditionMark, Legend } from "../parts/state.tsx";
import { type Condition, conditions, type PatchStatus } from "../status.ts";
import { texts } from "../texts.ts";

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
          {words.none} <a href="/">{words.clear}</a>
        </p>
      ) : (
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">{words.machine}</th>
              <th scope="col">{words.group}</th>
              <th scope="col">{words.state}</th>
              <th scope="col">{words.patches}</th>
              <th scope="col">{words.seen}</th>
            </tr>
          </thead>
          <tbody>
            {matching.slice(0, maxRows).map((view) => (
              <Row view={view} now={now} />
            ))}
          </tbody>
        </table>
      )}
      {hidden > 0 && <p>{words.more(hidden)}</p>}
      <Legend />
    </>
  );
};

/** The filter lies outside what is polled, so that typing is never disturbed. */
export const FleetFilterForm: FC<{ filter: FleetFilter }> = ({ filter }) => (
  <search>
    <form action="/" class="filter">
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

const Row: FC<{ view: MachineView; now: number }> = ({ view: { machine, patches, condition }, now }) => (
  <tr id={machine.machine}>
    <th scope="row">
      <a href={`/machines/${machine.machine}`}>
        <bdi>{machine.facts.hostname || machine.machine}</bdi>
      </a>
    </th>
    <td data-label={words.group}>{machine.group}</td>
    <td data-label={words.state}>
      <ConditionMark condition={condition} />
    </td>
    <td data-label={words.patches}>{summaryOf(patches.map(({ status }) => status))}</td>
    <td data-label={words.seen}>
      <Moment at={machine.seenAt} now={now} />
    </td>
  </tr>
);

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
export function hrefOf({ text, condition }: FleetFilter): string {
  const query = new URLSearchParams({ ...(text && { q: text }), ...(condition && { state: condition }) });
  return query.size === 0 ? "/" : `/?${query.toString()}`;
}
