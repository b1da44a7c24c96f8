import { expect, it } from "vitest";
import { type TableDefinition, tables } from "../stores/tables.ts";
import { epochsTables, fleetTables } from "./followed.ts";

it("every stream has a job behind it, and a check-in reaches the fleet's index alone", () => {
  const streams = Object.entries<TableDefinition>(tables).flatMap(([name, { stream }]) => (stream ? [name] : []));
  expect(new Set<string>([...epochsTables, ...fleetTables])).toEqual(new Set(streams));
  expect(epochsTables.filter((name) => name === "machines" || name === "said")).toEqual([]);
});
