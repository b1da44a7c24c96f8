// `npm run test:programs`: patches programs that nobody here wrote, under load, and prints what they made of it.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { corpus } from "./corpus/corpus.ts";
import { debugFolder } from "./debug-file.ts";
import { emptyRow, type Row, tableOf } from "./row.ts";
import { runProgram } from "./run.ts";

const usage = `Usage: npm run test:programs -- [PROGRAM ...] [--cycles N] [--json]

Starts each program of the corpus from its Debian package, puts load on it, and applies and undoes a patch of its own code many
times. Ends with a table. The exit code is not 0 where a process died, a request was lost, or a patch came to something else than
applied and undone. A program that is not installed is named with its reason. Wants root, objdump and unshare; everything runs in
a pid and mount namespace of its own, on the loopback, and ends with this command.

  --cycles N   how often each is patched and unpatched (default 200)
  --json       the last line is {"programs":[...]}
  --list       the programs, and what they need

Programs: ${corpus.map(({ name }) => name).join(", ")}`;

const inside = "SUTURE_PROGRAMS_DIRECTORY";

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        cycles: { type: "string", default: "200" },
        json: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

const { values, positionals } = readArguments();
const cycles = Number(values.cycles);
const unknown = positionals.filter((name) => !corpus.some((program) => program.name === name));
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (unknown.length > 0) fail(`Unknown: ${unknown.join(", ")}\n\n${usage}`);
if (!Number.isInteger(cycles) || cycles < 1) fail(`--cycles wants a number, 1 or more\n\n${usage}`);
if (values.list) {
  for (const { name, about, packages } of corpus) console.log(`${name.padEnd(18)} ${about} (Debian: ${packages})`);
  process.exit(0);
}
const directory = process.env[inside];
process.exitCode = directory === undefined ? await inNamespace() : await runAll(directory);
process.exit();

/**
 * Runs this program again in a pid and a mount namespace of its own. An engine there sees no other process of the machine, whose libraries
 * it would patch, and whatever was started ends with the namespace, by whatever way this command ends.
 */
async function inNamespace(): Promise<number> {
  const namespace = ["--pid", "--fork", "--mount", "--mount-proc", "--kill-child"];
  if (process.getuid?.() !== 0 || spawnSync("unshare", [...namespace, "true"]).status !== 0) {
    fail("It has to be root, and to be permitted to make namespaces (unshare --pid --mount).");
  }
  const own = mkdtempSync(join(tmpdir(), "suture-programs-"));
  // servers run as users of their own
  chmodSync(own, 0o755);
  try {
    // the shell is the first process there, and takes leave of those that nobody waits for
    const script = `mount -t tmpfs none ${debugFolder} && "$0" "$@"; exit $?`;
    const first = ["sh", "-c", script, process.execPath, ...process.execArgv];
    const child = spawn("unshare", [...namespace, ...first, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: "inherit",
      env: { ...process.env, [inside]: own },
    });
    return await endOf(child);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** The exit code of a child; a signal to end is passed on as the end of its namespace. */
async function endOf(child: ChildProcess): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill("SIGKILL"));
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 130;
}

async function runAll(own: string): Promise<number> {
  const chosen = corpus.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const rows: Row[] = [];
  for (const program of chosen) {
    console.log(`${program.name}: ${program.about} …`);
    const row = await runProgram(program, { directory: own, cycles, log: (line) => console.log(line) }).catch(
      (error: unknown): Row => ({ ...emptyRow(program.name, program.about), status: "failed", reason: String(error) }),
    );
    rows.push(row);
    console.log(`  ${row.status}${row.reason === "" ? "" : `: ${row.reason}`} (${row.seconds} s)`);
  }
  console.log(`\n${tableOf(rows)}`);
  if (values.json) console.log(JSON.stringify({ programs: rows }));
  return rows.some(({ status }) => status === "failed") ? 1 : 0;
}
