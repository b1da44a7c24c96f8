import { type FileHandle, mkdir, open, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";

const lockName = ".lock";
const Holder = z.object({ host: z.string(), pid: z.number().int() });
type Holder = z.infer<typeof Holder>;

/** Kept, because a handle that nothing refers to is closed by the garbage collector, and its lock with it. */
const taken = new Set<FileHandle>();

/** Operations of flock(2), from sys/file.h. */
const exclusive = 2;
const withoutWaiting = 4;
let flock: ((descriptor: number, operation: number) => number) | undefined;

/**
 * Takes a folder for this run: of two at once the second would remove what the first is writing. The kernel holds the lock for as long as
 * this process lives, whatever its number, host name or container, and frees it when the process ends, however it does.
 *
 * @returns what frees it
 * @throws SutureError `conflict` with `data` of the process that holds it
 * @see flock(2)
 */
export async function lockFolder(root: string): Promise<() => Promise<void>> {
  await mkdir(root, { recursive: true });
  const path = join(root, lockName);
  for (;;) {
    const file = await open(path, "a+", 0o600);
    if (!tryLock(file)) {
      const holder = await holderIn(file);
      await file.close();
      throw held(holder);
    }
    // a run that ended meanwhile removed the file that was opened: another may hold the one that is there now
    if (!(await isAt(path, file))) {
      await file.close();
      continue;
    }
    await file.truncate();
    await file.write(JSON.stringify({ host: hostname(), pid: process.pid } satisfies Holder));
    taken.add(file);
    return async () => {
      await rm(path, { force: true });
      taken.delete(file);
      await file.close();
    };
  }
}

function tryLock({ fd }: FileHandle): boolean {
  flock ??= koffi.load(null).func("int flock(int descriptor, int operation)") as NonNullable<typeof flock>;
  if (flock(fd, exclusive | withoutWaiting) === 0) return true;
  const { EWOULDBLOCK, EAGAIN } = koffi.os.errno;
  const errno = koffi.errno();
  if (errno === EWOULDBLOCK || errno === EAGAIN) return false;
  throw new SutureError("unsupported", `The file system of ${lockName} has no locks (flock: errno ${errno})`);
}

async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const mine = await file.stat({ bigint: true });
  const there = await stat(path, { bigint: true }).catch(() => undefined);
  return there?.ino === mine.ino && there.dev === mine.dev;
}

/** Undefined in the moment before the holder has written who it is: what an earlier run left there may be anything. */
async function holderIn(file: FileHandle): Promise<Holder | undefined> {
  const text = await file.readFile("utf8");
  try {
    return Holder.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function held(holder: Holder | undefined): SutureError {
  const who = holder === undefined ? "Another run" : `Process ${holder.pid} on ${holder.host}`;
  return new SutureError("conflict", `${who} is writing to this folder: wait until it has ended, then run this again`, {
    data: { ...holder },
  });
}
