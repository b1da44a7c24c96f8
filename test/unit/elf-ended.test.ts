import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { Step } from "../../agent/engines/elf/process.ts";
import { elfFixture } from "../support/elf/fixture.ts";

const host = elfFixture();

test.each<Step>(["mapped", "stopped", "journal undoing"])(
  "a process that is killed at the step '%s' fails no call, and its parent is told of its end",
  async (last) => {
    const { pid } = await host.start();
    let isKilled = false;
    const onStep = (step: Step) => {
      if (step !== last || isKilled) return;
      isKilled = true;
      process.kill(pid, "SIGKILL");
    };
    const engine = createElfEngine({ journalDir: host.journalDir, onStep });
    await engine.apply(host.patch);
    await engine.undo(host.patch.id);
    expect(isKilled).toBe(true);
    expect(await engine.check(host.patch)).toMatchObject({ code: "not-applicable" });
    expect(await engine.verify(host.patch)).toMatchObject({ code: "not-applicable" });
    expect(await engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    expect([await engine.list(), await engine.recover()]).toEqual([[], []]);
    while (existsSync(`/proc/${pid}`)) await sleep(10);
  },
);
