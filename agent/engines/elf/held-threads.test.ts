import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { elfFixture } from "../../../test/support/elf/fixture.ts";
import { threadStatus } from "../../system/proc.ts";
import { withPriority } from "../../system/ptrace.ts";
import { openAddressSpace } from "./address-space.ts";
import { holdNothing, releaseThreads, seizeAll } from "./held-threads.ts";
import { x86_64 } from "./x86-64.ts";

const host = elfFixture();
const script = fileURLToPath(new URL("../../../test/support/elf/straggle.ts", import.meta.url));
const tracers: ReturnType<typeof spawn>[] = [];
afterAll(() => {
  for (const tracer of tracers) tracer.kill("SIGKILL");
});

test("where somebody else traces one thread, the others, which were seized and never stopped, are released", async () => {
  const target = await host.start();
  const threads = readdirSync(`/proc/${target.pid}/task`).map(Number);
  const last = threads.at(-1) ?? expect.fail("no threads");
  const tracer = spawn(process.execPath, ["--import", "tsx", script, String(last), "hold"], { stdio: "pipe" });
  tracers.push(tracer);
  await once(tracer.stdout, "data");
  const held = holdNothing(openAddressSpace(target.pid));
  expect(() => seizeAll(held)).toThrow(`is being traced by process ${tracer.pid}`);
  expect(held.threads.size).toBeGreaterThan(0);
  withPriority(() => releaseThreads(held, x86_64));
  const tracersOf = () => threads.map((tid) => Number(threadStatus(target.pid, tid).get("TracerPid")));
  await expect.poll(tracersOf).toEqual(threads.map((tid) => (tid === last ? tracer.pid : 0)));
  const ended = once(tracer, "exit");
  tracer.stdin.end();
  await ended;
  expect(await target.ask("eintr")).toBe("0");
});
