import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBuildScanner } from "./builds.ts";

const folder = mkdtempSync(join(tmpdir(), "suture-builds-"));
const started: ChildProcess[] = [];
beforeAll(() => {
  // Waits for a line, then loads a library, and says so; or goes on as another program
  writeFileSync(
    join(folder, "main.c"),
    `#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int n, char **args) {
  char line[8];
  puts("up"); fflush(stdout);
  fgets(line, sizeof line, stdin);
  if (line[0] == 'x') execl(args[1], args[1], (char *)0);
  if (!dlopen(args[1], RTLD_NOW)) puts(dlerror());
  puts("done"); fflush(stdout);
  fgets(line, sizeof line, stdin);
}`,
  );
  writeFileSync(join(folder, "part.c"), "int part(void) { return 1; }");
  const cc = (...args: string[]) => execFileSync(process.env.CC ?? "cc", ["-Wl,--build-id", ...args], { cwd: folder });
  cc("-o", "main", "main.c", "-ldl");
  cc("-DOTHER", "-Wl,--defsym=other=1", "-o", "other", "main.c", "-ldl");
  cc("-shared", "-fPIC", "-o", "part.so", "part.c");
  copyFileSync(join(folder, "main"), join(folder, "copy"));
});
afterAll(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  }
  rmSync(folder, { recursive: true });
});

async function start(program: string, argument: string) {
  const child = spawn(join(folder, program), [join(folder, argument)], { stdio: ["pipe", "pipe", "inherit"] });
  started.push(child);
  await once(child.stdout, "data");
  return async (word: string) => {
    child.stdin.write(`${word}\n`);
    await once(child.stdout, "data");
  };
}

it("a scan after a scan finds what a process has loaded since, and which other program it has become", async () => {
  const scanner = createBuildScanner();
  const running = () =>
    new Set(
      scanner
        .scan()
        .builds.map(({ path }) => path)
        .filter((path) => path.startsWith(folder))
        .map((path) => path.slice(folder.length + 1)),
    );
  const [loading, changing] = [await start("main", "part.so"), await start("copy", "other")];
  // One build, whatever its files are called
  expect(running().size).toBe(1);
  expect(running()).toEqual(running());
  await loading("l");
  expect(running()).toContain("part.so");
  await changing("x");
  expect(running()).toContain("other");
  const byBuild = scanner.scan().builds.filter(({ path }) => path.startsWith(folder));
  expect(byBuild.map(({ processes }) => processes)).toEqual([1, 1, 1]);
});
