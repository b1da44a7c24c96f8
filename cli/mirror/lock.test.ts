import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MirrorFolder } from "./folder.ts";
import { lockFolder } from "./lock.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "suture-lock-"));
});
afterEach(() => rm(root, { recursive: true }));

const conflict = { code: "conflict" };
const lock = () => join(root, ".lock");
const holdAs = (holder: object) => writeFile(lock(), JSON.stringify(holder));
/** A process that has ended. */
async function ended(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
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

it("takes over what a process left that ended, and what nobody has touched for a minute, wherever that was", async () => {
  const pid = await ended();
  await holdAs({ host: hostname(), pid });
  await (await lockFolder(root))();
  await holdAs({ host: "elsewhere", pid });
  await expect(lockFolder(root)).rejects.toMatchObject({ ...conflict, data: { host: "elsewhere" } });
  await writeFile(lock(), "{");
  await expect(lockFolder(root)).rejects.toMatchObject(conflict);
  const old = new Date(Date.now() - 61_000);
  await utimes(lock(), old, old);
  await (await lockFolder(root))();
  await holdAs({ host: "elsewhere", pid });
  await utimes(lock(), old, old);
  const release = await lockFolder(root);
  // Who was taken over from gives nothing back that is another's
  await holdAs({ host: "elsewhere", pid });
  await release();
  expect(await readFile(lock(), "utf8")).toContain("elsewhere");
});

it("is taken by one of many that find the same dead lock", async () => {
  await holdAs({ host: hostname(), pid: await ended() });
  const script = `
    const { lockFolder } = await import(${JSON.stringify(join(import.meta.dirname, "lock.ts"))});
    try { await lockFolder(process.argv[1]); console.log("held"); } catch (error) { console.log(error.code); }
    process.stdin.resume();`;
  const runs = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ["--input-type=module", "--eval", script, root], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const said = await Promise.all(runs.map(async ({ stdout }) => String((await once(stdout, "data"))[0]).trim()));
  for (const run of runs) run.stdin.end();
  await Promise.all(runs.map((run) => once(run, "exit")));
  expect(said.filter((word) => word === "held")).toHaveLength(1);
  expect(said.filter((word) => word === "conflict")).toHaveLength(5);
});
