import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MirrorFolder } from "./folder.ts";
import { lockFolder } from "./lock.ts";

let root: string;
let runs: ChildProcess[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "suture-lock-"));
  runs = [];
});
afterEach(async () => {
  for (const run of runs) run.kill("SIGKILL");
  await rm(root, { recursive: true });
});

const conflict = { code: "conflict" };
const script = `
  const { lockFolder } = await import(${JSON.stringify(join(import.meta.dirname, "lock.ts"))});
  try { await lockFolder(process.argv[1]); console.log("held"); } catch (error) { console.log(error.code); }
  setInterval(() => {}, 1000);`;

/** Another process that tries to take the folder and stays; what it said. */
async function otherRun(...before: string[]): Promise<string> {
  const [command, ...args] = [
    ...before,
    process.execPath,
    "--import",
    "tsx",
    "--input-type=module",
    "--eval",
    script,
    root,
  ];
  const run = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  runs.push(run);
  return String((await once(run.stdout, "data"))[0]).trim();
}

it("has one run at a time in a mirror, which leaves nothing of the lock behind", async () => {
  const folder = new MirrorFolder(root);
  await folder.open();
  await folder.write("tuf/a", Buffer.from("a"));
  await writeFile(join(root, ".staging/half"), "what the first run is writing");
  await expect(new MirrorFolder(root).open()).rejects.toMatchObject({ ...conflict, data: { pid: process.pid } });
  expect(await readdir(join(root, ".staging"))).toEqual(["half"]);
  await folder.close();
  expect(await readdir(root)).toEqual(["tuf"]);
  await new MirrorFolder(root).open();
});

it("is free again the moment its process is killed, whatever it left in the file", async () => {
  await writeFile(join(root, ".lock"), '{"host":"elsewhere","pid":1}');
  expect(await otherRun()).toBe("held");
  await expect(lockFolder(root)).rejects.toMatchObject({ ...conflict, data: { pid: runs[0]?.pid } });
  runs[0]?.kill("SIGKILL");
  await once(runs[0] as ChildProcess, "exit");
  await (await lockFolder(root))();
});

it.runIf(process.getuid?.() === 0)(
  "keeps two containers apart that have one host name and one process number",
  async () => {
    const container = ["unshare", "--pid", "--fork", "--kill-child", "--uts"];
    expect(await otherRun(...container)).toBe("held");
    expect(await otherRun(...container)).toBe("conflict");
    await expect(lockFolder(root)).rejects.toMatchObject({ ...conflict, data: { pid: 1 } });
  },
);

it("is taken by one of many that try at the same moment, over and over", async () => {
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => lockFolder(root)));
    const taken = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(taken).toHaveLength(1);
    for (const release of taken) await release();
  }
  const said = await Promise.all(Array.from({ length: 4 }, () => otherRun()));
  expect(said.sort()).toEqual(["conflict", "conflict", "conflict", "held"]);
});
