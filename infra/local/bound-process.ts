import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Spawns a program that ends with this process. A shell watches a pipe that only this process holds open: its end of file comes
 * even after SIGKILL. In its own process group, so that Ctrl-C reaches us first.
 * `output` says whether its standard output and error can be read.
 */
export function spawnBound(
  command: string,
  args: readonly string[],
  { output = "ignore", ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; output?: "ignore" | "pipe" } = {},
): ChildProcess {
  const script = '(read -r _ <&3; kill -TERM $$) & exec "$@" 3<&-';
  const child = spawn("/bin/sh", ["-c", script, "sh", command, ...args], {
    ...options,
    stdio: ["ignore", output, output, "pipe"],
    detached: true,
  });
  // Ends the watching shell at once, so that it can never signal a later process of the same number.
  child.once("exit", () => child.stdio[3]?.destroy());
  return child;
}

/** Ends a process of `spawnBound` and waits until it is gone. */
export async function stopBound(child: ChildProcess): Promise<void> {
  const running = child.exitCode === null && child.signalCode === null;
  const exited = running ? once(child, "exit") : undefined;
  child.stdio[3]?.destroy();
  child.kill("SIGTERM");
  // A server may wait for its connections. What it has acknowledged is on disk, or it is no database.
  const impatience = setTimeout(() => child.kill("SIGKILL"), 2000);
  await exited;
  clearTimeout(impatience);
}

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return address.port;
}
