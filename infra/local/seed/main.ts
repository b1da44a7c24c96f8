import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeError, isSutureError, SutureError } from "../../../protocol/errors.ts";
import { seedDatabase } from "./seed.ts";

const usage = `Usage: npm run seed -- [--machines N] [--data DIR] [--reset]

Makes the embedded database with a customer, northwind, that has N machines, to try pages and jobs at their size. Then
"npm start -- --data DIR" and a click as ann@globex.test show it.

  --machines N   how many (default 100000)
  --data DIR     where "npm start" keeps everything (default .suture)
  --reset        empty DIR first; without it a database that is there is an error`;

/** Who signs in at the embedded identity provider, and what they are at the seeded customer. */
const people = { "ann@globex.test": "owner", "tom@globex.test": "viewer" };

async function main(): Promise<void> {
  const { machines, dataDir, reset, help } = readOptions(process.argv.slice(2));
  if (help) return console.log(usage);
  const dataFile = join(dataDir, "suture.db");
  if (reset) await rm(dataDir, { recursive: true, force: true });
  if (existsSync(dataFile)) {
    throw new SutureError("already-exists", `${dataFile} is there already: choose another --data, or add --reset`);
  }
  const begun = performance.now();
  let told = begun;
  await seedDatabase({
    machines,
    dataFile,
    people,
    now: Date.now(),
    onProgress: (what) => {
      if (what.startsWith("wrote") && performance.now() - told < 1000) return;
      told = performance.now();
      console.error(`${((told - begun) / 1000).toFixed(1).padStart(6)} s  ${what}`);
    },
  });
  console.log(`${machines} machines of northwind are in ${dataFile}. Now: npm start -- --data ${dataDir}`);
}

function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        machines: { type: "string", default: "100000" },
        data: { type: "string", default: ".suture" },
        reset: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const machines = Number(values.machines);
    if (!Number.isInteger(machines) || machines < 1) throw new TypeError(`--machines ${values.machines} is no count`);
    return { machines, dataDir: resolve(values.data), reset: values.reset, help: values.help };
  } catch (cause) {
    throw new SutureError("invalid-request", `${describeError(cause)}\n\n${usage}`, { cause });
  }
}

try {
  await main();
} catch (error) {
  const known = isSutureError(error) ? error : new SutureError("internal", describeError(error), { cause: error });
  console.error(`error: ${known.message} (${known.code})`);
  process.exitCode = known.code === "invalid-request" ? 2 : 1;
}
