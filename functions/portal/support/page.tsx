import type { FC } from "hono/jsx";
import { Coverage, type SupportReport } from "../../../protocol/wire/support.ts";
import type { Tone } from "../../domain/status.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import type { Supported } from "./matrix.ts";

const { support: words } = texts;

type Props = {
  machines: SupportReport["machines"];
  only: Coverage | undefined;
  next: string | undefined;
  isFirst: boolean;
  supported: readonly Supported[];
  now: number;
};
type Row = { machine: string; hostname: string } & SupportReport["machines"][number]["products"][number];

/** What wants a person first. */
const order = ["outside", "ended", "ends-in-7-days", "ends-in-30-days", "covered"] as const satisfies Coverage[];
const tones: Record<Coverage, Tone> = {
  outside: "failing",
  ended: "failing",
  "ends-in-7-days": "attention",
  "ends-in-30-days": "attention",
  covered: "good",
};

/** How each machine is covered, and what there is to move to. */
export const SupportPage: FC<Props> = ({ machines, only, next, isFirst, supported, now }) => {
  const rows = rowsOf(machines);
  const shown = rows.filter(({ coverage }) => only === undefined || coverage === only);
  return (
    <>
      <header class="title">
        <h1>{words.title}</h1>
        <p class="advice">{words.lead}</p>
      </header>
      <Counts rows={rows} only={only} />
      <p class="advice">{words.looked(machines.length, isFirst && next === undefined)}</p>
      {shown.length === 0 ? (
        <p class="empty">{rows.length === 0 ? words.empty : words.none}</p>
      ) : (
        <DataTable
          label={words.title}
          rows={shown}
          columns={[
            {
              head: words.machine,
              cell: ({ machine, hostname }) => (
                <a href={`/machines/${machine}`}>
                  <bdi>{hostname || machine}</bdi>
                </a>
              ),
            },
            { head: words.product, cell: ({ vendor, product }) => `${vendor}/${product}` },
            { head: words.what, cell: ({ what }) => <span class="id">{what}</span> },
            {
              head: words.coverage,
              cell: ({ coverage }) => (
                <>
                  <CoverageMark coverage={coverage} />
                  {coverage !== "covered" && <small class="advice">{words.coverages[coverage].advice}</small>}
                </>
              ),
            },
            {
              head: words.until,
              cell: ({ until }) => (until === undefined ? "–" : <Moment at={Date.parse(until)} now={now} />),
            },
          ]}
        />
      )}
      <ListFoot
        {...(!isFirst && { first: hrefWith("/support", { coverage: only }) })}
        {...(next !== undefined && { next: hrefWith("/support", { coverage: only, cursor: next }) })}
        csv={hrefWith("/support.csv", { coverage: only })}
      />
      <h2>{words.matrix}</h2>
      {supported.length === 0 ? <p class="empty">{words.noMatrix}</p> : <Matrix supported={supported} now={now} />}
    </>
  );
};

const Counts: FC<{ rows: readonly Row[]; only: Coverage | undefined }> = ({ rows, only }) => (
  <ul class="counts" aria-label={words.counts}>
    <li>
      <a href="/support" aria-current={only === undefined ? "true" : undefined}>
        <strong>{texts.number(rows.length)}</strong>
        <span>{words.all}</span>
      </a>
    </li>
    {order.map((coverage) => {
      const count = rows.filter((row) => row.coverage === coverage).length;
      return (
        <li>
          <a
            href={hrefWith("/support", { coverage })}
            aria-current={only === coverage ? "true" : undefined}
            class={count === 0 ? "zero" : undefined}
          >
            <strong>{texts.number(count)}</strong>
            <CoverageMark coverage={coverage} />
          </a>
        </li>
      );
    })}
  </ul>
);

/** What vendors say that they cover. */
const Matrix: FC<{ supported: readonly Supported[]; now: number }> = ({ supported, now }) => (
  <DataTable
    label={words.matrix}
    rows={supported}
    columns={[
      { head: words.title2, cell: ({ title }) => title },
      { head: words.product, cell: ({ product }) => product },
      { head: words.kind, cell: ({ kind }) => words[kind] },
      { head: words.version, cell: ({ version }) => <code>{version}</code> },
      { head: words.arch, cell: ({ arch }) => arch },
      { head: words.until, cell: ({ until }) => <Moment at={Date.parse(`${until}T23:59:59Z`)} now={now} /> },
    ]}
  />
);

const CoverageMark: FC<{ coverage: Coverage }> = ({ coverage }) => (
  <Mark tone={tones[coverage]} {...words.coverages[coverage]} />
);

function rowsOf(machines: Props["machines"]): Row[] {
  const rows = machines.flatMap(({ machine, hostname, products }) =>
    products.map((each) => ({ machine, hostname, ...each })),
  );
  return rows.toSorted((a, b) => order.indexOf(a.coverage) - order.indexOf(b.coverage));
}

/** The report as rows of a file. */
export function supportCsv(machines: Props["machines"], only: Coverage | undefined): (string | number)[][] {
  return [
    ["machine", "host name", "product", "what", "coverage", "until"],
    ...rowsOf(machines)
      .filter(({ coverage }) => only === undefined || coverage === only)
      .map(({ machine, hostname, vendor, product, what, coverage, until = "" }) => [
        machine,
        hostname,
        `${vendor}/${product}`,
        what,
        coverage,
        until,
      ]),
  ];
}

/** The coverage that an address names. */
export function coverageIn(text: string | undefined): Coverage | undefined {
  return Coverage.options.find((coverage) => coverage === text);
}
