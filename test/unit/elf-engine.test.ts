import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import { buildEchod, startEchod } from "../../infra/local/echod.ts";
import { startLoad } from "../../infra/local/load.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { asChildOfAnother, codeOf, patchFor } from "../support/elf/target.ts";

const host = elfFixture();

describe("what the target notices", () => {
  test("a server under load fails no request and closes no connection while it is patched and unpatched", async () => {
    const echod = await buildEchod(join(host.directory, "echod"));
    const server = await startEchod(asChildOfAnother(echod.binary));
    const load = await startLoad({ port: server.port });
    const fix = patchFor(echod.binary, echod.payload, [{ name: "echo", replacement: "echo_checked" }]);
    try {
      for (let round = 0; round < 10; round++) {
        expect(await load.leak()).toBe(true);
        expect(await host.engine.apply(fix)).toMatchObject({ code: "applied" });
        expect(await load.leak()).toBe(false);
        expect(await host.engine.undo(fix.id)).toMatchObject({ code: "undone" });
      }
      await load.stop();
      expect(load.stats()).toMatchObject({ failed: 0, closed: 0 });
      expect(load.stats().requests).toBeGreaterThan(64);
    } finally {
      await server.stop();
    }
  });

  test("no system call that a stop interrupts ends with EINTR", async () => {
    const target = await host.start();
    for (let round = 0; round < 50; round++) {
      await host.engine.apply(host.patch);
      await host.engine.undo(host.patch.id);
    }
    expect(await target.ask("eintr")).toBe("0");
  });

  test("a thread that cannot be stopped puts the patch off, and the others, let go again, see no EINTR", async () => {
    const target = await host.start();
    await host.engine.stage(host.patch);
    expect(await target.ask("vfork")).toBe("started");
    const outcome = await createElfEngine({ journalDir: host.journalDir }).apply(host.patch);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await target.ask("eintr")).toBe("0");
    expect(JSON.stringify(outcome)).toMatch(/does not stop|"attempts":(?!1\b)/);
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: expect.stringMatching(/applied/) });
    expect(await target.ask("value")).toBe("30");
  });

  test("a sandbox that kills the target for mapping memory does not kill it for ours", async () => {
    const target = await host.start("sandbox");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });

  test("a process that job control has stopped is patched and stays stopped", async () => {
    const target = await host.start();
    process.kill(target.pid, "SIGSTOP");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    const answer = target.ask("value");
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, "no answer"))]);
    expect(first).toBe("no answer");
    process.kill(target.pid, "SIGCONT");
    expect(await answer).toBe("30");
  });
});

describe("addresses that ended calls left on a stack", () => {
  test("keep a patch neither out nor in, for the calls that the thread is in are known to be others", async () => {
    const target = await host.start();
    const code = target.code();
    expect(await target.ask("linger")).toBe("lingers");
    const applied = await host.engine.apply(host.patch);
    expect(applied).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await target.ask("linger")).toBe("lingers");
    const undone = await host.engine.undo(host.patch.id);
    expect(undone).toMatchObject({ code: "undone" });
    for (const { evidence } of [applied, undone]) {
      expect(evidence).toMatchObject({ processes: [{ attempts: expect.toSatisfy((count: number) => count > 1) }] });
    }
    expect(await target.ask("value")).toBe("3");
    // both threads come back to frames that never left
    for (const _ of ["one", "other"]) expect(await target.ask("rise")).toBe("1");
    expect(target.code().equals(code)).toBe(true);
    expect(await target.ask("value")).toBe("3");
  });
});

describe("processes that come and go", () => {
  test("a child is born with its parent's patch and undone with it, even after the parent has ended", async () => {
    const parent = await host.start("flat");
    const before = codeOf(parent.pid);
    await host.engine.apply(host.patch);
    const child = Number(await parent.ask("fork"));
    try {
      expect(await host.engine.apply(host.patch)).toMatchObject({ code: "already-applied" });
      await parent.stop();
      expect(await host.engine.list()).toMatchObject([{ targets: [{ pid: child }] }]);
      expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
      expect(codeOf(child).equals(before)).toBe(true);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test("a process that became itself anew is patched again", async () => {
    const target = await host.start("flat");
    await host.engine.apply(host.patch);
    expect(await target.ask("reexec")).toMatch(/^ready/);
    expect(await host.engine.list()).toEqual([]);
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("a build that only one of two processes can take is left out of both", async () => {
    const [free, busy] = [await host.start(), await host.start()];
    await busy.ask("enter");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "blocked" });
    expect([await free.ask("value"), await busy.ask("value")]).toEqual(["3", "3"]);
    expect(await host.engine.list()).toEqual([]);
  });
});
