import { type TableDefinition, tables } from "../stores/tables.ts";

/**
 * A view of rows that names in the log the row that it fails on: one that was edited by hand has values of other types than the service
 * writes, and else a whole list would fail without a hint where to look.
 * @param table the table by its key in `tables`
 */
export function namedRows<Row extends object, View>(
  table: keyof typeof tables,
  view: (row: Row) => View,
): (row: Row) => View {
  return (row) => {
    const named = (error: unknown): never => {
      console.error(
        JSON.stringify({ message: "a row cannot be read", table: tables[table].name, row: keyOf(row, table) }),
      );
      throw error;
    };
    try {
      const shown = view(row);
      return shown instanceof Promise ? (shown.catch(named) as View) : shown;
    } catch (error) {
      return named(error);
    }
  };
}

function keyOf(row: object, table: keyof typeof tables): Record<string, unknown> {
  const { partition, sort, indexes = {} }: TableDefinition = tables[table];
  const names = [partition, sort, ...Object.values(indexes).map((index) => index.partition)];
  const found = names.flatMap((name) =>
    name !== undefined && name in row ? [[name, row[name as keyof typeof row]]] : [],
  );
  return Object.fromEntries(found);
}
