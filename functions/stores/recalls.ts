import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** What an operator said: this patch is recalled, or nothing of this vendor is applied anew until further notice. */
export type OperatorStatement = {
  /** 1, 2, 3 …: the order in which they were said */
  number: number;
  /** milliseconds since the epoch */
  at: number;
  reason: string;
  /** since when it stands, signed, in the public repository; milliseconds since the epoch */
  publicAt?: number;
} & ({ kind: "recall"; patch: string } | { kind: "stop" | "lift"; vendor: string });

/** A statement that is still to be said. */
export type NewStatement = OperatorStatement extends infer S
  ? S extends S
    ? Omit<S, "number" | "publicAt">
    : never
  : never;

type Row = OperatorStatement & { list: string };
/** They are signed together and rare, so they are one list. */
const list = "operator";

export type RecallsStore = ReturnType<typeof recallsStore>;

/** The operator's recalls and stops. The list only grows. Written by vendor-api; the publish job notes what is public. */
export function recallsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.recalls);
  return {
    /** Adds a statement; of two at once each gets its own number. */
    async append(statement: NewStatement): Promise<OperatorStatement> {
      for (;;) {
        const { items } = await table.query({ partition: list, descending: true, consistent: true, limit: 1 });
        const row: Row = { ...statement, list, number: (items[0]?.number ?? 0) + 1 };
        if ((await table.create(row)).done) return toStatement(row);
      }
    },
    /** Oldest first, strongly consistent. */
    async list(request: PageRequest = {}): Promise<Page<OperatorStatement>> {
      const page = await table.query({ ...request, partition: list, consistent: true });
      return { ...page, items: page.items.map(toStatement) };
    },
    /** Notes that a statement is public; the first time stands. */
    async markPublic(number: number, at: number): Promise<void> {
      await table.update({ list, number }, "SET #publicAt = if_not_exists(#publicAt, :at)", { values: { at } });
    },
  };
}

function toStatement({ list: _list, ...statement }: Row): OperatorStatement {
  return statement as OperatorStatement;
}
