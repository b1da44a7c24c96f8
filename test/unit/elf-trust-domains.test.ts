import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { Engine } from "../../agent/engines/engine.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { asChildOfShell, patchFor } from "../support/elf/target.ts";

const host = elfFixture();
const compiler = process.env.CC ?? "cc";
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] as const;
const isRoot = process.getuid?.() === 0;
const others: ChildProcess[] = [];

beforeAll(() => chmodSync(host.directory, 0o755));
afterEach(async () => {
  for (const child of others.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGTERM")) await once(child, "exit");
  }
});

/** Compiles a program of a few lines; `of` gives it the build-id of another. */
function compile(name: string, source: string, ...flags: string[]): string {
  const [file, program] = [join(host.directory, `${name}.c`), join(host.directory, name)];
  writeFileSync(file, source);
  execFileSync(compiler, ["-O2", ...flags, "-o", program, file]);
  return program;
}

/** Starts a program and waits for its first line. */
async function startProgram(...command: string[]): Promise<ChildProcess> {
  const child = spawn("/bin/sh", [asChildOfShell, ...command], { stdio: ["pipe", "pipe", "inherit"] });
  others.push(child);
  await once(child.stdout, "data");
  return child;
}

const sameBuild = () => `-Wl,--build-id=0x${host.patch.variant.match.buildId}`;

describe.runIf(isRoot)("a process of another user that cannot be patched", () => {
  /** As strace and debuggers do, which anybody may use on processes of their own. */
  const tracer = `
    #include <signal.h>
    #include <sys/ptrace.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(int count, char **given) {
      int status;
      pid_t child = fork();
      if (child == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); execv(given[1], given + 1); _exit(1); }
      while (waitpid(child, &status, 0) == child && !WIFEXITED(status))
        ptrace(PTRACE_CONT, child, 0, WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0);
      return count == 0;
    }`;

  test("keeps no patch from root's, and is named with its tracer", async () => {
    const served = await host.start();
    const traced = await host.startOther(...asNobody, compile("tracer", tracer), host.binary);
    const detail = new RegExp(
      `^applied in 1 of 2 processes; 1 skipped: process ${traced.pid} \\(target, of nobody\\): process \\d+ \\(tracer\\) traces it$`,
    );
    const partial = { patched: 1, skipped: 1, reasons: { blocked: 1 } };
    for (const step of ["check", "stage", "apply"] as const) {
      expect(await host.engine[step](host.patch)).toMatchObject({
        code: "applied",
        detail: expect.stringMatching(detail),
        evidence: { partial },
      });
    }
    expect([await served.ask("value"), await traced.ask("value")]).toEqual(["30", "3"]);
    expect(await host.engine.verify(host.patch)).toMatchObject({
      code: "applied",
      evidence: { partial: { skipped: 1 } },
    });
    expect(await host.engine.list()).toMatchObject([{ targets: [{ pid: served.pid }] }]);
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    expect(await served.ask("value")).toBe("3");
  });

  test("keeps no patch from another's: each trust domain has it whole or not at all", async () => {
    const [root, nobody, busy] = [
      await host.start(),
      await host.startOther(...asNobody, host.binary),
      await host.startOther(...asNobody, host.binary),
    ];
    await busy.ask("enter");
    const values = () => Promise.all([root, nobody, busy].map((each) => each.ask("value")));
    expect(await host.engine.apply(host.patch)).toMatchObject({
      code: "applied",
      evidence: { partial: { patched: 1, skipped: 2 } },
    });
    expect(await values()).toEqual(["30", "3", "3"]);
    await busy.ask("leave");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(await values()).toEqual(["30", "30", "30"]);
    // Nor does root's own that is busy, and what others have
    await host.engine.undo(host.patch.id);
    await root.ask("enter");
    expect(await host.engine.apply(host.patch)).toMatchObject({
      code: "applied",
      evidence: { partial: { patched: 2 } },
    });
    expect(await values()).toEqual(["3", "30", "30"]);
    await root.ask("leave");
  });

  test("and has a forged build-id is told to be no process of the build, and counts as nothing", async () => {
    const forged = compile(
      "forged",
      `#include <stdio.h>
       #include <unistd.h>
       int main(void) { puts("up"); fflush(stdout); for (;;) pause(); }`,
      sameBuild(),
      "-s",
    );
    await startProgram(...asNobody, forged);
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "unsupported" });
    const served = await host.start();
    const outcome = await host.engine.apply(host.patch);
    expect(outcome).toMatchObject({ code: "applied", detail: expect.not.stringContaining("skipped") });
    expect(outcome.evidence.processes).toContainEqual(
      expect.objectContaining({ code: "not-applicable", program: "forged", owner: "nobody" }),
    );
    expect(outcome.evidence.partial).toBeUndefined();
    expect(await served.ask("value")).toBe("30");
    expect(await host.engine.verify(host.patch)).toMatchObject({ code: "applied" });
  });
});

describe("a program that forks for each request", () => {
  /** As sshd and inetd do: fifty children a second, each of which lives a tenth of one. */
  const server = `
    #include <signal.h>
    #include <stdio.h>
    #include <sys/wait.h>
    #include <unistd.h>
    __attribute__((noinline)) int one(int wait) { __asm__ volatile(""); return wait ? 2 : 1; }
    int main(void) {
      signal(SIGCHLD, SIG_IGN);
      printf("up\\n");
      fflush(stdout);
      for (;;) {
        if (fork() == 0) { volatile int sum = one(0); usleep(100000); _exit(sum == 0); }
        usleep(20000);
      }
    }`;

  test("is patched, with its children, at every try", async () => {
    const program = compile("forking", server, "-g", `-Wl,--build-id=0x${"5a".repeat(20)}`);
    const patch = {
      ...host.patchOf("int one_fixed(int wait) { return wait ? 20 : 10; }"),
      id: "acme/fork/stable/fix@1",
    };
    const { variant } = patchFor(program, host.payload, patch.variant.functions);
    const fix = { ...patch, variant };
    await startProgram(program);
    for (let round = 0; round < 3; round++) {
      const engine: Engine = createElfEngine({ journalDir: host.newDirectory() });
      for (const step of ["check", "stage", "apply", "verify"] as const) {
        const outcome = await engine[step](fix);
        expect({ step, code: outcome.code, detail: outcome.detail }).toMatchObject({ step, code: "applied" });
      }
      expect(await engine.undo(fix.id)).toMatchObject({ code: "undone" });
    }
  });
});
