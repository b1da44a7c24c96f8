// Runs on whatever Node the machine has, before anything is installed: plain JavaScript, no dependency.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const bin = join(root, "node_modules/.bin");
const commands = {
  start: ["--disable-warning=ExperimentalWarning", "--import", "tsx", "infra/local/main.ts"],
  test: ["test/run.mjs"],
  check: ["test/check.mjs"],
  synth: ["node_modules/.bin/cdk", "synth", "--quiet"],
  package: ["infra/package/main.ts"],
  bench: ["--disable-warning=ExperimentalWarning", "--import", "tsx", "bench/main.ts"],
  seed: ["--disable-warning=ExperimentalWarning", "--import", "tsx", "infra/local/seed/main.ts"],
  programs: ["--disable-warning=ExperimentalWarning", "--import", "tsx", "test/programs/main.ts"],
  sim: ["--disable-warning=ExperimentalWarning", "--import", "tsx", "test/sim/main.ts"],
};

const [name, ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) fail(`usage: bootstrap.mjs ${Object.keys(commands).join("|")}`);
if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node ${process.versions.node} is too old: install Node 20 or newer, then run this again.`);
}
if (process.platform !== "linux" || process.arch !== "x64") {
  fail(`This is ${process.platform} on ${process.arch}. The embedded stack runs on Linux x86-64.`);
}
install();
const child = spawn(join(bin, "node"), [...command, ...args], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` },
});
// Ctrl-C reaches the whole process group: the child ends by itself, and this waits for it
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));

/** Installs exactly what the lockfile says, once for each lockfile. */
function install() {
  const stamp = join(root, "node_modules/.suture-installed");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  process.stderr.write("installing what Suture needs (npm ci), once …\n");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (npm.status !== 0) fail("npm ci failed: see above. Is the npm registry reachable from here?");
  writeFileSync(stamp, lock);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
