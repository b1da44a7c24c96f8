import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Conversation, converse, dial } from "./clients/text.ts";

const startMillis = 60_000;
/** What a program writes is kept up to this, for a person who looks into a failure. */
const maxLogBytes = 64 * 1024;

/** A process that was started, what it wrote, and its end. */
export type Daemon = { child: ChildProcess; log: () => string; stop: () => Promise<void> };

/** Starts a program in the foreground. It gets no input; its output is kept. Throws where it cannot be started. */
export function startDaemon(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stopSignal?: NodeJS.Signals } = {},
): Daemon {
  const { stopSignal = "SIGTERM", ...rest } = options;
  const child = spawn(command, args, { ...rest, stdio: ["ignore", "pipe", "pipe"] });
  return bound(child, stopSignal);
}

/** Starts a program that answers each line of its input with a line; there is one conversation with it. */
export function startTalker(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Daemon & { conversation: Conversation } {
  const child = spawn(command, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  const daemon = bound(child, "SIGTERM");
  return { ...daemon, conversation: converse(child.stdin, child.stdout, () => child.kill("SIGTERM")) };
}

function bound(child: ChildProcess, stopSignal: NodeJS.Signals): Daemon {
  let log = "";
  const keep = (bytes: Buffer) => (log = (log + bytes.toString()).slice(-maxLogBytes));
  // where it is talked to, its output is no log
  if (!child.stdin) child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  child.on("error", (error) => keep(Buffer.from(String(error))));
  return {
    child,
    log: () => log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, "exit");
      child.kill(stopSignal);
      const impatience = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(impatience);
    },
  };
}

/** Waits until a program listens. Throws with what it wrote where it ends or does not come to it. */
export async function untilListening(daemon: Daemon, port: number): Promise<void> {
  await untilReady(daemon, async () => {
    (await dial(port)).close();
    return true;
  });
}

/** Waits until something about a program is so. Throws with what it wrote where it ends or does not come to it. */
export async function untilReady(daemon: Daemon, isReady: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + startMillis; ; await sleep(100)) {
    if (await isReady().catch(() => false)) return;
    const { exitCode, signalCode } = daemon.child;
    if (exitCode !== null || signalCode !== null || Date.now() > deadline) {
      await daemon.stop();
      throw new Error(`it does not start: ${daemon.log().slice(-2000)}`);
    }
  }
}

/** A TCP port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return address.port;
}

/** The path of a command, or of a file by its path; null where it is not there. */
export function find(nameOrPath: string): string | null {
  if (nameOrPath.startsWith("/")) return existsSync(nameOrPath) ? nameOrPath : null;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/go/bin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, nameOrPath)).find((path) => existsSync(path)) ?? null;
}

/** The first part of what a command says that looks like a version; "?" where nothing does. */
export function versionBy(command: string, ...args: string[]): string {
  try {
    const text = execFileSync("sh", ["-c", '"$@" 2>&1 || true', "sh", command, ...args], { encoding: "utf8" });
    return /\d+(?:\.\d+)+[\w.-]*/.exec(text)?.[0] ?? "?";
  } catch {
    return "?";
  }
}
