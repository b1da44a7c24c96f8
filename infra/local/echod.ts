import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SutureError } from "../../protocol/errors.ts";
import { spawnBound, stopBound } from "./bound-process.ts";

/** The sample vendor's folder: server, fix, patch.json. */
export const echodSource = fileURLToPath(new URL("../../docs/examples/echod", import.meta.url));

/**
 * Builds the sample server and its fix into a directory, with the script that a vendor runs. The paths are absolute.
 * Each directory gets a build-id of its own: else the agents of two demonstrations on one machine would patch both servers.
 * Throws `no-compiler` where there is none, `invalid-patch` where the build fails.
 */
export async function buildEchod(directory: string): Promise<{ binary: string; payload: string }> {
  const buildId = createHash("sha256").update(resolve(directory)).digest("hex").slice(0, 40);
  const env = { ...process.env, LDFLAGS: `-Wl,--build-id=0x${buildId}` };
  try {
    await promisify(execFile)("sh", [join(echodSource, "build.sh"), resolve(directory)], { env });
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === 127;
    if (isMissing) throw new SutureError("no-compiler", "no C compiler: install gcc or clang, or set CC", { cause });
    throw new SutureError("invalid-patch", `${echodSource}/build.sh failed`, { cause });
  }
  return { binary: join(directory, "echod"), payload: join(directory, "echod-fix.so") };
}

export type Echod = { pid: number; port: number; stop(): Promise<void> };

/** Starts the sample server on a free port, or the one given, and returns once it listens. Throws `unavailable`. */
export async function startEchod(binary: string, port = 0): Promise<Echod> {
  const child = spawnBound(binary, [String(port)], { output: "pipe" });
  for await (const line of createInterface({ input: child.stdout ?? Readable.from([]) })) {
    const [, actualPort, pid] = /^listening (\d+) (\d+)$/.exec(line) ?? [];
    if (actualPort === undefined || pid === undefined) break;
    return {
      pid: Number(pid),
      port: Number(actualPort),
      stop: () => stopBound(child),
    };
  }
  throw new SutureError("unavailable", `${binary} does not start`);
}
