import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { text } from "node:stream/consumers";
import { effectiveCapabilities, ifPresent, isSystemError } from "../../system/proc.ts";

/** What a kmod command came to: `error` is the name of the kernel's errno, null where it did its work. */
export type KmodResult = { error: KmodError | null; message: string };
export type KmodError =
  | "ENOEXEC"
  | "ENOENT"
  | "EINVAL"
  | "EEXIST"
  | "EBUSY"
  | "EKEYREJECTED"
  | "EPERM"
  | "ENODEV"
  | "other";

type LogLine = { sequence: number; text: string };

/**
 * All that the engine touches of a kernel. Paths are absolute, below /sys and /proc; `read` and `list` answer for what is not
 * there with undefined and nothing, `write` throws the system's errors.
 */
export type Kernel = {
  /** as uname -r prints it */
  release: string;
  /** whether this process may load modules: CAP_SYS_MODULE */
  mayLoadModules: boolean;
  read(path: string): string | undefined;
  list(path: string): string[];
  write(path: string, value: string): void;
  /** Loads a module from an open file, so that nothing can change between its check and its use. */
  insmod(file: number): Promise<KmodResult>;
  rmmod(module: string): Promise<KmodResult>;
  /** The kernel's log after a sequence number; -1 for all of it. */
  log(after: number): LogLine[];
};

/** CAP_SYS_MODULE of capabilities(7). */
const capSysModule = 1n << 16n;
/** kmod exits with 1 whatever happened: only its words tell (measured with kmod 30 under LC_ALL=C). */
const kmodErrors: readonly (readonly [words: string, error: KmodError])[] = [
  ["Invalid module format", "ENOEXEC"],
  ["Unknown symbol in module", "ENOENT"],
  ["Invalid parameters", "EINVAL"],
  ["File exists", "EEXIST"],
  ["Device or resource busy", "EBUSY"],
  ["is in use", "EBUSY"],
  ["Resource temporarily unavailable", "EBUSY"],
  ["Key was rejected by service", "EKEYREJECTED"],
  ["Operation not permitted", "EPERM"],
  ["No such device", "ENODEV"],
  ["is not currently loaded", "ENOENT"],
];
/** A record of /dev/kmsg is never longer (kernel/printk/printk.c, CONSOLE_EXT_LOG_MAX). */
const maxLogRecord = 8192;
const sbin = "/usr/sbin:/sbin:/usr/bin:/bin";

/** The kernel that runs this process, through kmod's insmod and rmmod. */
export function hostKernel(): Kernel {
  return {
    release: release(),
    mayLoadModules: process.platform === "linux" && (effectiveCapabilities() & capSysModule) !== 0n,
    read: (path) => readable(() => readFileSync(path, "latin1").trim()),
    list: (path) => readable(() => readdirSync(path)) ?? [],
    write: (path, value) => writeFileSync(path, value),
    insmod: (file) => kmod("insmod", "/proc/self/fd/3", file),
    rmmod: (module) => kmod("rmmod", module, "ignore"),
    log: readLog,
  };
}

/** A file of sysfs or procfs may go, or its kernel object may, while it is read. */
function readable<T>(read: () => T): T | undefined {
  try {
    return ifPresent(read);
  } catch (error) {
    if (isSystemError(error, "ENODEV", "ENOTDIR", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

async function kmod(command: string, argument: string, file: number | "ignore"): Promise<KmodResult> {
  const child = spawn(command, [argument], {
    stdio: ["ignore", "ignore", "pipe", file],
    env: { PATH: sbin, LC_ALL: "C" },
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once("close", resolve).once("error", reject));
  const [code, message] = await Promise.all([ended, child.stderr === null ? "" : text(child.stderr)]);
  if (code === 0) return { error: null, message: "" };
  const known = kmodErrors.find(([words]) => message.includes(words));
  return { error: known?.[1] ?? "other", message: message.trim() };
}

/** One read of /dev/kmsg gives one record: `priority,sequence,micros,flags;text`. @see Documentation/ABI/testing/dev-kmsg */
function readLog(after: number): LogLine[] {
  let file: number;
  try {
    file = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EPERM", "EACCES")) return [];
    throw error;
  }
  try {
    const lines: LogLine[] = [];
    const buffer = Buffer.alloc(maxLogRecord);
    for (;;) {
      const line = readRecord(file, buffer);
      if (line === null) return lines;
      if (line !== "overwritten" && line.sequence > after) lines.push(line);
    }
  } finally {
    closeSync(file);
  }
}

function readRecord(file: number, buffer: Buffer): LogLine | "overwritten" | null {
  let size: number;
  try {
    size = readSync(file, buffer);
  } catch (error) {
    if (isSystemError(error, "EAGAIN")) return null;
    if (isSystemError(error, "EPIPE")) return "overwritten";
    throw error;
  }
  if (size === 0) return null;
  const record = buffer.toString("utf8", 0, size);
  const [head = "", ...rest] = record.split(";");
  return { sequence: Number(head.split(",")[1]), text: rest.join(";").split("\n")[0] ?? "" };
}
