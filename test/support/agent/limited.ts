import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { vi } from "vitest";
import { spawnBound, stopBound } from "../../../infra/local/bound-process.ts";
import type { WholeService } from "../whole/service.ts";

const run = promisify(execFile);
const program = `
#include <stdio.h>
#include <unistd.h>
__attribute__((noipa)) int limit(int n) { return n * 1000; }
int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int i = 1;; i++) { printf("%d\\n", limit(i)); usleep(20000); }
}`;
const fix = "int limit_fixed(int n) { return n > 3 ? 3 : n; }\n";

/** That patch, as `publishLimit` publishes it. */
export const limitPatch = "acme/echod/edge/limit@1";

/** Builds a program that prints numbers into a folder, as `hello`, and beside it the folder `patch`: by it, of a product, it prints 3 at most. */
export async function buildLimit(work: string, product: string): Promise<void> {
  const folder = join(work, "patch");
  await mkdir(folder);
  await writeFile(join(work, "hello.c"), program);
  await writeFile(join(work, "fix.c"), fix);
  const cc = process.env.CC ?? "cc";
  // the fix is written by hand, and callers must not rely on what limit() leaves alone
  await run(cc, ["-O2", "-g", "-fno-ipa-ra", "-Wl,--build-id", "-o", join(work, "hello"), join(work, "hello.c")]);
  await run(cc, ["-O2", "-fPIC", "-shared", "-nostdlib", "-o", join(folder, "fix.so"), join(work, "fix.c")]);
  await copyFile(join(work, "hello"), join(folder, "hello"));
  const functions = [{ name: "limit", replacement: "limit_fixed" }];
  const variants = [{ engine: "elf", match: { binary: "hello" }, payload: "fix.so", functions }];
  const about = { product, patch: "limit", version: 1, title: "Keep it small", severity: "high" };
  await writeFile(join(folder, "patch.json"), JSON.stringify({ ...about, variants, health: { windowSeconds: 1 } }));
}

/** Builds it, has its patch published, and waits until that is live. */
export async function publishLimit({ suture }: WholeService, work: string): Promise<void> {
  await buildLimit(work, "echod");
  await suture(["publish", join(work, "patch"), "--vendor", "acme"]);
  const isLive = async () => {
    const { patches } = (await suture(["list", "--vendor", "acme"])) as { patches: { id: string; state: string }[] };
    if (!patches.some(({ id, state }) => id === limitPatch && state === "live")) throw new Error("not live yet");
  };
  await vi.waitFor(isLive, { timeout: 60_000, interval: 200 });
}

/** Runs that program. */
export function startLimited(work: string): { printed: () => string; stop: () => Promise<void> } {
  const child = spawnBound(join(work, "hello"), [], { output: "pipe" });
  let printed = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    printed = chunk.toString("utf8").trim().split("\n").at(-1) ?? "";
  });
  return { printed: () => printed, stop: () => stopBound(child) };
}
