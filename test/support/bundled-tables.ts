import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TableDefinition, tables } from "../../functions/stores/tables.ts";
import { type FunctionName, functionEntries, inputsOf } from "../../infra/bundles.ts";

const definitions: Readonly<Record<string, TableDefinition>> = tables;

/** The tables whose stores a function's bundle really has in it, by name: what it needs rights for. */
export async function bundledTables(name: FunctionName): Promise<string[]> {
  const stores = (await inputsOf(name)).filter((file) => file.startsWith("functions/stores/"));
  const named = stores.flatMap((file) => [
    ...readFileSync(join(import.meta.dirname, "../..", file), "utf8").matchAll(/\btables\.(\w+)/g),
  ]);
  const found = named.flatMap(([, key = ""]) => definitions[key]?.name ?? []);
  return [...new Set(found)].sort();
}

/** Every function's bundle and its name in the templates. */
export const functionIds: Readonly<Record<FunctionName, string>> = {
  "agent-api": "AgentApi",
  "vendor-api": "VendorApi",
  portal: "Portal",
  publish: "PublishJob",
  epochs: "EpochsJob",
  fleet: "FleetJob",
  rollouts: "RolloutsJob",
  outcomes: "OutcomesJob",
  judgements: "JudgementsJob",
  audit: "AuditJob",
  sweeps: "SweepsJob",
  schedule: "ScheduleJob",
  gates: "GatesJob",
};
export const functionNames = Object.keys(functionEntries) as FunctionName[];
