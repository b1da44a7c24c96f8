import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dynamoSdk } from "../../../functions/stores/dynamo-sdk.ts";
import { SutureError } from "../../../protocol/errors.ts";
import { databaseProgram, startDynamo } from "../dynamodb.ts";
import { openStores } from "../stores.ts";
import { writeAccount } from "./account.ts";
import { openExport } from "./export.ts";
import { fleetTables, writeFleet } from "./fleet.ts";

type Options = {
  machines: number;
  /** the embedded database's file, which is not there yet */
  dataFile: string;
  /** who signs in to the account: e-mail address → role */
  people: Readonly<Record<string, string>>;
  /** milliseconds since the epoch */
  now: number;
  onProgress?: (what: string) => void;
};

/**
 * Makes an embedded database with one customer and its fleet. The fleet is written as an export and imported, the account through the
 * stores: the second time into the database that it stays in.
 * @throws SutureError `internal` where the import fails
 */
export async function seedDatabase({
  machines,
  dataFile,
  people,
  now,
  onProgress = () => undefined,
}: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "suture-seed-"));
  try {
    const draft = await startDynamo();
    try {
      const stores = openStores(dynamoSdk(draft));
      await writeAccount(stores, people, now);
      const exported = await openExport(folder, fleetTables);
      await writeFleet(stores, exported.dynamo, {
        machines,
        random: mulberry32(1),
        now,
        onProgress: (done) => onProgress(`wrote ${done} of ${machines} machines`),
      });
      await exported.end();
    } finally {
      await draft.stop();
    }
    onProgress("importing them");
    await importInto(dataFile, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const database = await startDynamo({ dataFile });
  try {
    await writeAccount(openStores(dynamoSdk(database)), people, now);
  } finally {
    await database.stop();
  }
}

async function importInto(dataFile: string, folder: string): Promise<void> {
  await mkdir(dirname(dataFile), { recursive: true, mode: 0o700 });
  const args = ["--source", join(folder, "tables"), "--schema", join(folder, "schema.json"), "--output", dataFile];
  const child = spawn(databaseProgram(), ["import", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const [code] = await once(child, "close");
  if (code !== 0) throw new SutureError("internal", `The embedded database took no import: ${said.trim()}`);
}

/** A small generator of numbers that look random and are the same each time (Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
