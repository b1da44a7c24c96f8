import type { FC } from "hono/jsx";
import type { AuditView } from "../../../protocol/wire/audit.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { texts } from "../texts.ts";
import type { AuditFilter } from "./search.ts";

const { audit: words } = texts;

type Props = { entries: readonly AuditView[]; filter: AuditFilter; next: string | undefined; isFirst: boolean };

/** The log of a tenant's changes, newest first. */
export const AuditPage: FC<Props> = ({ entries, filter, next, isFirst }) => {
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <>
      <header class="title">
        <h1>{words.title}</h1>
        <p class="advice">{words.lead}</p>
      </header>
      <FilterForm filter={filter} />
      {entries.length === 0 ? (
        <p class="empty">{isFiltered ? (next === undefined ? words.noneEver : words.none) : words.empty}</p>
      ) : (
        <DataTable
          label={words.title}
          rows={entries}
          columns={[
            { head: words.at, cell: ({ at }) => <time datetime={at}>{texts.exact(Date.parse(at))}</time> },
            { head: words.who, cell: ({ who }) => <bdi>{who}</bdi> },
            { head: words.what, cell: ({ what }) => <code>{what}</code> },
            { head: words.change, cell: (entry) => <Change entry={entry} /> },
          ]}
        />
      )}
      <ListFoot
        {...(!isFirst && { first: hrefWith("/audit", filter) })}
        {...(next !== undefined && { next: hrefWith("/audit", { ...filter, cursor: next }) })}
        csv={hrefWith("/audit.csv", filter)}
      />
      <p>
        <a href={hrefWith("/audit.ndjson", filter)} download>
          {words.exportAll}
        </a>
      </p>
    </>
  );
};

const FilterForm: FC<{ filter: AuditFilter }> = ({ filter: { who, what, from, to } }) => (
  <search>
    <form action="/audit" class="filter">
      <input type="search" name="who" value={who} placeholder={words.filters.who} aria-label={words.filters.who} />
      <input type="search" name="what" value={what} placeholder={words.filters.what} aria-label={words.filters.what} />
      <input type="date" name="from" value={from} aria-label={words.filters.from} />
      <input type="date" name="to" value={to} aria-label={words.filters.to} />
      <button type="submit" class="quiet-button">
        {words.filters.apply}
      </button>
    </form>
  </search>
);

const Change: FC<{ entry: AuditView }> = ({ entry: { before, after } }) =>
  before === undefined && after === undefined ? (
    <>–</>
  ) : (
    <details>
      <summary>{words.show}</summary>
      {before !== undefined && <Shown head={words.before} value={before} />}
      {after !== undefined && <Shown head={words.after} value={after} />}
    </details>
  );

const Shown: FC<{ head: string; value: unknown }> = ({ head, value }) => (
  <>
    <strong>{head}</strong>
    <pre>
      <code>{JSON.stringify(value, null, 1)}</code>
    </pre>
  </>
);

/** The log as rows of a file. */
export function auditCsv(entries: readonly AuditView[]): (string | number)[][] {
  return [
    ["at", "who", "what", "before", "after"],
    ...entries.map(({ at, who, what, before, after }) => [
      at,
      who,
      what,
      before === undefined ? "" : JSON.stringify(before),
      after === undefined ? "" : JSON.stringify(after),
    ]),
  ];
}
