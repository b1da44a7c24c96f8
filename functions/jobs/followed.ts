import { type TableDefinition, tables } from "../stores/tables.ts";

/** The tables whose changes say that a machine may stand otherwise: the fleet job is behind their streams. */
export const fleetTables = ["machines", "states"] as const;

/** The tables whose streams the epochs job is behind: every stream but those of check-ins, which change nobody's plan. */
export const epochsTables = Object.entries<TableDefinition>(tables)
  .filter(([name, { stream }]) => stream === true && name !== "machines")
  .map(([name]) => name as keyof typeof tables);
