import type { Child } from "hono/jsx";
import { texts } from "../texts.ts";

/** `sort` names the order that a click on the head asks for, where the list can be had in it. */
export type Column<Row> = { head: string; cell: (row: Row) => Child; numeric?: true; sort?: string };
/** The order that a list is in, and where another one is had. */
type Order = { by: string; hrefOf: (by: string) => string };
type Props<Row> = {
  /** what the table lists, for whoever does not see what stands around it */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** what identifies a row, so that it stays where it is while the page changes around it */
  idOf?: (row: Row) => string;
  order?: Order;
};

/** A list as a table, the first column naming the row; on a phone each row is a card. */
export function DataTable<Row>({ label, columns, rows, idOf, order }: Props<Row>) {
  return (
    <table class="cards" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ head, numeric, sort }) => (
            <th
              scope="col"
              class={numeric && "number"}
              aria-sort={order !== undefined && sort === order.by ? "ascending" : undefined}
            >
              {order !== undefined && sort !== undefined ? <a href={order.hrefOf(sort)}>{head}</a> : head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr id={idOf?.(row)}>
            {columns.map(({ head, cell, numeric }, at) =>
              at === 0 ? (
                <th scope="row">{cell(row)}</th>
              ) : (
                <td data-label={head} class={numeric && "number"}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Foot = { first?: string; next?: string; csv?: string /** which list, where a page has several */; of?: string };

/** Below a list: its next page, the way back, and the list as a file. */
export function ListFoot({ first, next, csv, of }: Foot) {
  return (
    <nav class="list-foot" aria-label={of === undefined ? texts.list.pages : texts.list.pagesOf(of)}>
      {first !== undefined && <a href={first}>{texts.list.first}</a>}
      {next !== undefined && (
        <a href={next} rel="next">
          {texts.list.next}
        </a>
      )}
      {csv !== undefined && (
        <a href={csv} download>
          {texts.list.export}
        </a>
      )}
    </nav>
  );
}

/** The address of `path` with what is not empty of `query`. */
export function hrefWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}
