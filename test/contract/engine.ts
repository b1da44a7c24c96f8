import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine, Outcome, VerifiedPatch } from "../../agent/engines/engine.ts";

/** One running target and an engine with an empty state, for one test. */
export type EngineHarness = {
  /** an engine on the same state at each call, as after a restart of the agent */
  engine(): Engine;
  /** fits the target */
  patch: VerifiedPatch;
  /** fits a target that does not run here */
  forAnother: VerifiedPatch;
  /** fits the target, and its payload does not hold what the patch promises */
  damaged: VerifiedPatch;
  /** whether the target behaves as patched, by asking it */
  isPatched(): Promise<boolean>;
  /** whatever of the target a patch may change, as bytes */
  fingerprint(): Buffer | Promise<Buffer>;
  /** puts the target into the code to be replaced, or to be put back; the answer lets it go again */
  occupy(): Promise<() => Promise<void>>;
  /** one more target of the same kind: whether it behaves as patched. Absent where a host has but one, its kernel */
  startAnother?(): Promise<{ isPatched(): Promise<boolean> }>;
  /** an engine that is killed at once after a step of this number, while it does this; true when there was no such step */
  dieAt(step: number, operation: "apply" | "undo"): Promise<boolean>;
  /** what a person does where the engine cannot take a patch out of a running system; absent where it can */
  takeOutByHand?(): Promise<void>;
  stop(): Promise<void>;
};

/** An engine in this process that is killed after a step, as `dieAt` of a harness wants it; `engineWith` opens one that tells of its steps. */
export function dieAtIn(patch: VerifiedPatch, engineWith: (onStep: () => void) => Engine): EngineHarness["dieAt"] {
  class Killed extends Error {}
  return async (step, operation) => {
    let steps = 0;
    const dying = engineWith(() => {
      if (++steps === step) throw new Killed();
    });
    try {
      await (operation === "apply" ? dying.apply(patch) : dying.undo(patch.id));
      return true;
    } catch (error) {
      if (error instanceof Killed) return false;
      throw error;
    }
  };
}

/** How an engine was shown to work: on the real thing, on a stand-in with its behaviour, or by documented outputs alone. */
export type Shown = { engine: string; system: string; shown: "real" | "emulated" | "documented" };
declare module "vitest" {
  interface TaskMeta {
    engine?: Shown;
  }
}

/** What every engine promises (agent/engines/engine.ts). */
export function engineContract(
  shown: Shown,
  start: () => Promise<EngineHarness>,
  {
    busy = "blocked",
    targets = "many",
  }: {
    /** what a target that is in the way comes to: it is left alone at once, or after a deadline */
    busy?: "blocked" | "stalled";
    /** whether a host has but one target, its kernel or its system */
    targets?: "one" | "many";
  } = {},
) {
  describe(`the ${shown.engine} engine, ${shown.system}`, () => {
    let target: EngineHarness;
    let before: Buffer;
    beforeEach(async ({ task }) => {
      task.meta.engine = shown;
      target = await start();
      before = await target.fingerprint();
    });
    afterEach(() => target.stop());

    const untouched = async () => (await target.fingerprint()).equals(before);
    /** Undoes it: where the engine cannot alone it says so, and finds what a person did. */
    const undo = async () => {
      const outcome = await target.engine().undo(target.patch.id);
      if (target.takeOutByHand === undefined) return outcome;
      if (outcome.code === "undone") return outcome;
      expect(outcome).toMatchObject({ code: "undo-pending" });
      await target.takeOutByHand();
      return await target.engine().undo(target.patch.id);
    };
    const isApplied = async () => (await target.engine().list()).some(({ id }) => id === target.patch.id);

    test("it says that it works here, and each outcome is plain JSON for a receipt", async () => {
      expect(await target.engine().detect()).toMatchObject({ supported: true, reason: "" });
      const { evidence } = await target.engine().apply(target.patch);
      expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
    });

    test("a patch goes in and out while the target runs, and leaves nothing behind", async () => {
      const engine = target.engine();
      expect(await target.isPatched()).toBe(false);
      expect(await engine.check(target.patch)).toMatchObject({ code: "applied" });
      expect(await untouched()).toBe(true);
      expect(await engine.stage(target.patch)).toMatchObject({ code: "applied" });
      expect(await target.isPatched()).toBe(false);
      expect(await engine.verify(target.patch)).toMatchObject({ code: "failed" });
      expect(await engine.apply(target.patch)).toMatchObject({ code: "applied" });
      expect(await target.isPatched()).toBe(true);
      expect(await engine.verify(target.patch)).toMatchObject({ code: "applied" });
      expect(await isApplied()).toBe(true);
      expect(await undo()).toMatchObject({ code: "undone" });
      expect([await target.isPatched(), await untouched(), await isApplied()]).toEqual([false, true, false]);
    });

    test("what is done twice is done once", async () => {
      await target.engine().apply(target.patch);
      const once = await target.fingerprint();
      expect(await target.engine().check(target.patch)).toMatchObject({ code: "already-applied" });
      expect(await target.engine().apply(target.patch)).toMatchObject({ code: "already-applied" });
      expect((await target.fingerprint()).equals(once)).toBe(true);
      expect(await undo()).toMatchObject({ code: "undone" });
      expect(await undo()).toMatchObject({ code: "undone" });
      expect(await untouched()).toBe(true);
    });

    test("a staged patch that is not to be applied is taken back whole", async () => {
      await target.engine().stage(target.patch);
      expect(await target.engine().undo(target.patch.id)).toMatchObject({ code: "undone" });
      expect(await untouched()).toBe(true);
    });

    test("a patch for another target is not applicable, and the target is as it was", async () => {
      for (const step of ["check", "stage", "apply", "verify"] as const) {
        expect(await target.engine()[step](target.forAnother)).toMatchObject({ code: "not-applicable" });
      }
      expect(await untouched()).toBe(true);
    });

    test("a damaged payload is refused at every step, and the target is as it was", async () => {
      for (const step of ["check", "stage", "apply"] as const) {
        expect(await target.engine()[step](target.damaged)).toMatchObject({ code: "unsupported" });
      }
      expect([await target.isPatched(), await untouched()]).toEqual([false, true]);
    });

    test("a target that is inside the code to be replaced is left alone, until it has left", async () => {
      const leave = await target.occupy();
      const occupied = await target.fingerprint();
      const blocked = await target.engine().apply(target.patch);
      expect(blocked).toMatchObject({ code: busy });
      expect(blocked.detail).not.toBe("");
      expect((await target.fingerprint()).equals(occupied)).toBe(true);
      expect(await isApplied()).toBe(false);
      await leave();
      expect(await target.engine().apply(target.patch)).toMatchObject({ code: "applied" });
      expect(await target.isPatched()).toBe(true);
    });

    test("an undo is pending while the target is inside the replacement, and done once it has left", async () => {
      await target.engine().apply(target.patch);
      const leave = await target.occupy();
      expect(await target.engine().undo(target.patch.id)).toMatchObject({ code: "undo-pending" });
      expect([await target.isPatched(), await isApplied()]).toEqual([true, true]);
      await leave();
      expect(await undo()).toMatchObject({ code: "undone" });
      expect([await target.isPatched(), await isApplied()]).toEqual([false, false]);
    });

    if (targets === "many")
      test("a target that appears later is patched by applying again, and undone with the rest", async () => {
        if (target.startAnother === undefined) throw new Error("this engine's targets can start later");
        await target.engine().apply(target.patch);
        const other = await target.startAnother();
        expect(await other.isPatched()).toBe(false);
        expect(await target.engine().verify(target.patch)).toMatchObject({ code: "failed" });
        expect(await target.engine().apply(target.patch)).toMatchObject({ code: "applied" });
        expect([await other.isPatched(), await target.isPatched()]).toEqual([true, true]);
        await target.engine().undo(target.patch.id);
        expect([await other.isPatched(), await target.isPatched(), await untouched()]).toEqual([false, false, true]);
      });

    test("an agent that restarts finds what it applied, and has nothing to recover", async () => {
      await target.engine().apply(target.patch);
      expect(await target.engine().recover()).toEqual([]);
      expect(await isApplied()).toBe(true);
    });

    test.each(["apply", "undo"] as const)(
      "killed at any step of %s, the agent finds it applied or not applied",
      async (operation) => {
        for (let step = 1; ; step++) {
          if (operation === "undo") {
            expect(await target.engine().apply(target.patch)).toMatchObject({ code: "applied" });
          }
          if (await target.dieAt(step, operation)) {
            // What a person has to do has no steps of the engine's but the first
            expect(step).toBeGreaterThan(operation === "undo" && target.takeOutByHand !== undefined ? 1 : 3);
            break;
          }
          await target.isPatched(); // it lives and answers
          const recovered: readonly Outcome[] = await target.engine().recover();
          const ends =
            target.takeOutByHand === undefined ? ["applied", "undone"] : ["applied", "undone", "undo-pending"];
          for (const { code } of recovered) expect(ends).toContain(code);
          const applied = await isApplied();
          expect({ step, patched: await target.isPatched() }).toEqual({ step, patched: applied });
          if (applied) await undo();
          expect({ step, untouched: await untouched() }).toEqual({ step, untouched: true });
        }
      },
      // an engine is started and killed for each of some twenty steps
      300_000,
    );
  });
}
