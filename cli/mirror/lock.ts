import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";

const lockName = ".lock";
/** Who holds a lock touches it so often, and one that nobody has touched for so long is nobody's; milliseconds. */
const [touchEvery, heldFor] = [10_000, 60_000];
const Holder = z.object({ host: z.string(), pid: z.number().int() });

/**
 * Takes a folder for this run: of two at once the second would remove what the first is writing. A lock whose process ended on this host is taken over, and so is one,
 * of whatever host, that was not touched for a minute.
 * @returns what gives it back
 * @throws SutureError `conflict` with `data` of who holds it
 */
export async function lockFolder(root: string): Promise<() => Promise<void>> {
  await mkdir(root, { recursive: true });
  const path = join(root, lockName);
  const own = join(root, `${lockName}.${hostname()}.${process.pid}`);
  const holder = JSON.stringify({ host: hostname(), pid: process.pid });
  await writeFile(own, holder);
  try {
    // Two that find one dead lock rename it one after the other; the second then finds the first's
    if (!(await linked(own, path))) {
      await setAsideIfDead(path, `${own}.dead`);
      if (!(await linked(own, path))) throw held(await holderOf(path));
    }
  } finally {
    await rm(own, { force: true });
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {
      // Without it another may take the folder over, which costs a run and no byte that was verified
    });
  }, touchEvery);
  touching.unref();
  return async () => {
    clearInterval(touching);
    if ((await textOf(path)) === holder) await rm(path, { force: true });
  };
}

async function setAsideIfDead(path: string, aside: string): Promise<void> {
  if (await isHeld(path)) throw held(await holderOf(path));
  await rename(path, aside).catch(unlessMissing);
  const isTaken = await isHeld(aside);
  if (isTaken) await linked(aside, path);
  await rm(aside, { force: true });
  if (isTaken) throw held(await holderOf(path));
}

async function isHeld(path: string): Promise<boolean> {
  const touched = await stat(path).catch(unlessMissing);
  if (touched === undefined) return false;
  const holder = await holderOf(path);
  if (holder !== undefined && holder.host === hostname() && !isAlive(holder.pid)) return false;
  return Date.now() - touched.mtimeMs < heldFor;
}

async function holderOf(path: string): Promise<z.infer<typeof Holder> | undefined> {
  try {
    return Holder.parse(JSON.parse((await textOf(path)) ?? ""));
  } catch {
    // Whoever wrote what cannot be read holds it for as long as it is touched
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isNamed(error, "ESRCH");
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(unlessMissing);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isNamed(error, "EEXIST")) return false;
    throw error;
  }
}

function unlessMissing(error: unknown): undefined {
  if (!isNamed(error, "ENOENT")) throw error;
}

function isNamed(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function held(holder: z.infer<typeof Holder> | undefined): SutureError {
  const who = holder === undefined ? "Another run" : `Process ${holder.pid} on ${holder.host}`;
  return new SutureError("conflict", `${who} works on this folder: wait until it has ended, then run this again`, {
    data: { ...holder },
  });
}
