import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../agent/engines/engine.ts";
import { buildEchod, startEchod } from "../../infra/local/echod.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { patient } from "../support/elf/patient.ts";
import { asChildOfAnother, codeOf, patchFor, recordsIn } from "../support/elf/target.ts";

const dieAtScript = fileURLToPath(new URL("../support/elf/die-at.ts", import.meta.url));
const proberScript = new URL("../support/elf/prober.ts", import.meta.url);
const host = elfFixture();

/** Answers 100 for one() and, where it replaces that too, 200 for two(); takes the place of those that are named. */
const better = (replaces: readonly string[], ...functions: string[]): ElfPatch => ({
  ...host.patchOf(
    "int one_fixed(int wait) { return wait ? 0 : 100; } int two_fixed(void) { return 200; }",
    ...functions,
  ),
  id: "acme/target/stable/fix@2",
  replaces,
});

describe("a patch that takes the place of another", () => {
  test("does so in one stop, under load, and no attack finds the server without either", async () => {
    const echod = await buildEchod(join(host.directory, "echod"));
    const server = await startEchod(asChildOfAnother(echod.binary));
    const fix = patchFor(echod.binary, echod.payload, [{ name: "echo", replacement: "echo_checked" }]);
    const version = (at: number) => `acme/echod/stable/fix@${at}`;
    try {
      expect(await host.engine.apply({ ...fix, id: version(1) })).toMatchObject({ code: "applied" });
      const prober = new Worker(proberScript, { workerData: { port: server.port } });
      await once(prober, "message");
      for (let at = 2; at <= 20; at++) {
        const next = { ...fix, id: version(at), replaces: [version(at - 1)] };
        await expect.poll(() => host.engine.apply(next), { timeout: 30_000 }).toMatchObject({ code: "applied" });
        expect(await host.engine.undo(version(at - 1))).toMatchObject({ code: "undone", evidence: { pauseMicros: 0 } });
      }
      prober.postMessage("stop");
      const [seen] = await once(prober, "message");
      expect(seen).toMatchObject({ leaks: 0, attacks: expect.toSatisfy((count: number) => count > 100) });
      expect(await host.engine.list()).toMatchObject([{ id: version(20) }]);
    } finally {
      await server.stop();
    }
  });

  test("need not replace the same functions: those that it leaves alone are as in the file, and no function leads to either", async () => {
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    await host.engine.apply(host.patch);
    const next = better([host.patch.id], "one");
    expect(await host.engine.check(next)).toMatchObject({ code: "applied" });
    expect(await host.engine.stage(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.apply(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("102");
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "not-applicable" });
    expect((await host.engine.list()).map(({ id }) => id)).toEqual([next.id]);
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    expect(await host.engine.verify(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("102");
    expect(await host.engine.undo(next.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
    expect(recordsIn(host.journalDir)).toEqual([]);
  });

  test("gives it back in one stop, as long as the other was not undone itself", async () => {
    const target = await host.start();
    const untouched = target.code();
    await host.engine.apply(host.patch);
    const [maps, code] = [target.maps(), target.code()];
    const next = better([host.patch.id], "one");
    await host.engine.apply(next);
    expect(await host.engine.undo(next.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("30");
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
    expect(await host.engine.verify(host.patch)).toMatchObject({ code: "applied" });
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
    expect(target.code().equals(untouched)).toBe(true);
  });

  test("leaves the other in every process where it cannot go into one", async () => {
    const [free, busy] = [await host.start(), await host.start()];
    await host.engine.apply(host.patch);
    await busy.ask("enter");
    const before = [free.maps(), free.code(), busy.maps()];
    const next = better([host.patch.id], "one", "two");
    expect(await host.engine.apply(next)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining(host.patch.id),
    });
    expect([await free.ask("value"), await busy.ask("value")]).toEqual(["30", "30"]);
    expect([free.maps(), free.code(), busy.maps()]).toEqual(before);
    expect((await host.engine.list()).map(({ id }) => id)).toEqual([host.patch.id]);
    await busy.ask("leave");
    expect(await host.engine.apply(next)).toMatchObject({ code: "applied" });
    expect([await free.ask("value"), await busy.ask("value")]).toEqual(["300", "300"]);
  });

  test("does not replace one that a third is stacked on, and replaces one that is stacked on a third", async () => {
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    await host.engine.apply(host.patch);
    const over = { ...better([], "one"), id: "acme/target/stable/over@1" };
    await host.engine.apply(over);
    expect(await host.engine.apply(better([host.patch.id], "two"))).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining(`${over.id} is stacked on top of ${host.patch.id}`),
    });
    expect(await target.ask("value")).toBe("120");
    const next = better([over.id], "two");
    expect(await host.engine.apply(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("210");
    for (const [id, value] of [
      [over.id, "210"],
      [next.id, "30"],
      [host.patch.id, "3"],
    ] as const) {
      expect(await host.engine.undo(id)).toMatchObject({ code: "undone" });
      expect(await target.ask("value")).toBe(value);
    }
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("can take the place of several at once", async () => {
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    const other = { ...better([], "one"), id: "acme/target/stable/over@1" };
    await host.engine.apply(host.patch);
    await host.engine.apply(other);
    const next = better([host.patch.id, other.id], "two");
    expect(await host.engine.apply(next)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("201");
    for (const id of [host.patch.id, other.id]) {
      expect(await host.engine.undo(id)).toMatchObject({ code: "undone", evidence: { pauseMicros: 0 } });
    }
    expect(await host.engine.undo(next.id)).toMatchObject({ code: "undone" });
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("is known in a child that was born while both were there", async () => {
    const parent = await host.start("flat");
    const before = codeOf(parent.pid);
    await host.engine.apply(host.patch);
    const next = better([host.patch.id], "one", "two");
    await host.engine.apply(next);
    const child = Number(await parent.ask("fork"));
    try {
      await host.engine.undo(host.patch.id);
      expect(await host.engine.verify(next)).toMatchObject({ code: "applied" });
      expect(await host.engine.undo(next.id)).toMatchObject({ code: "undone" });
      expect([codeOf(child).equals(before), codeOf(parent.pid).equals(before)]).toEqual([true, true]);
      expect(recordsIn(host.journalDir)).toEqual([]);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test.each(["supersede", "give-back", "retire"] as const)(
    "killed at any step of %s, the agent finds one of the two in, whole",
    async (operation) => {
      const target = await host.start();
      const [maps, code] = [target.maps(host.journalDir), target.code()];
      const next = better([host.patch.id], "one", "two");
      const nextPayload = join(host.newDirectory(), "next.so");
      writeFileSync(nextPayload, next.payload);
      const { journalDir, binary, payload } = host;
      for (let step = 1; ; step++) {
        expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
        if (operation !== "supersede") await host.engine.apply(next);
        const args = [dieAtScript, String(step), operation, journalDir, binary, payload, nextPayload];
        const run = spawnSync(process.execPath, args, { encoding: "utf8" });
        // of the two functions one may be the other patch's; neither is ever the file's
        expect(await target.ask("value")).toMatch(/^(30|120|210|300)$/);
        const engine = patient(createElfEngine({ journalDir }));
        for (const outcome of await engine.recover()) {
          expect(outcome).toMatchObject({ code: expect.stringMatching(/^(applied|undone)$/) });
        }
        const isNextIn = (await target.ask("value")) === "300";
        expect((await engine.list()).map(({ id }) => id)).toEqual([isNextIn ? next.id : host.patch.id]);
        expect({ step, value: await target.ask("value") }).toEqual({ step, value: isNextIn ? "300" : "30" });
        for (const id of [host.patch.id, next.id]) expect(await engine.undo(id)).toMatchObject({ code: "undone" });
        expect({ step, left: [target.maps(journalDir), target.code().equals(code), recordsIn(journalDir)] }).toEqual({
          step,
          left: [maps, true, []],
        });
        if (run.signal === null) {
          expect({ run: run.stdout, steps: step > (operation === "retire" ? 2 : 5) }).toMatchObject({
            run: expect.stringMatching(/applied|undone/),
            steps: true,
          });
          break;
        }
      }
    },
    // an engine is started and killed for each of some twenty steps
    300_000,
  );
});
