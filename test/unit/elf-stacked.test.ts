import { describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../agent/engines/engine.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { patient } from "../support/elf/patient.ts";
import { bothFunctions } from "../support/elf/target.ts";

const host = elfFixture();

describe("several patches of one process", () => {
  /** Replaces one() by what answers 100, or what is given. */
  const other = (id: string, answer = 100): ElfPatch => ({
    ...host.patchOf(`int one_fixed(int wait) { return wait ? 0 : ${answer}; }`),
    id: `acme/target/stable/${id}@1`,
  });

  test("the latest of a function counts, and they come out from the uppermost down", async () => {
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    const [second, third] = [other("second"), other("third", 200)];
    for (const [each, value] of [
      [host.patch, "30"],
      [second, "120"],
      [third, "220"],
    ] as const) {
      expect(await host.engine.apply(each)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe(value);
    }
    expect((await host.engine.list()).map(({ id }) => id).sort()).toEqual([host.patch.id, second.id, third.id].sort());
    for (const each of [host.patch, second, third]) {
      expect(await host.engine.apply(each)).toMatchObject({ code: "already-applied" });
      expect(await host.engine.verify(each)).toMatchObject({ code: "applied" });
    }
    expect(await host.engine.undo(second.id)).toMatchObject({
      code: "undo-pending",
      detail: expect.stringContaining(`${third.id} is stacked on top of it in one: undo that one first`),
    });
    expect(await target.ask("value")).toBe("220");
    for (const [each, value] of [
      [third, "120"],
      [second, "30"],
      [host.patch, "3"],
    ] as const) {
      expect(await host.engine.undo(each.id)).toMatchObject({ code: "undone" });
      expect(await target.ask("value")).toBe(value);
    }
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("of different functions come out in any order", async () => {
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    const onlyTwo: ElfPatch = {
      ...host.patch,
      id: "acme/target/stable/two@1",
      variant: { ...host.patch.variant, functions: bothFunctions.slice(1) },
    };
    const one = other("one");
    await host.engine.apply(one);
    await host.engine.apply(onlyTwo);
    expect(await target.ask("value")).toBe("120");
    expect(await host.engine.undo(one.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("21");
    expect(await host.engine.undo(onlyTwo.id)).toMatchObject({ code: "undone" });
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("one does not go in while a thread is in the one beneath, nor out while a thread is in itself", async () => {
    const target = await host.start();
    await host.engine.apply(host.patch);
    await target.ask("enter");
    const second = other("second");
    expect(await host.engine.apply(second)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining(host.patch.id),
    });
    expect(await target.ask("value")).toBe("30");
    await target.ask("leave");
    expect(await host.engine.apply(second)).toMatchObject({ code: "applied" });
    expect(await host.engine.undo(second.id)).toMatchObject({ code: "undone" });
  });

  test("an agent that was killed over another patch finds that one as it was", async () => {
    const target = await host.start();
    await host.engine.apply(host.patch);
    const [maps, code] = [target.maps(), target.code()];
    const second = other("second");
    const journalDir = host.newDirectory();
    let isDead = false;
    const dying = createElfEngine({
      journalDir,
      // from the first jump on it comes to nothing more
      onStep: (step) => {
        isDead ||= step === "jump written";
        if (isDead) throw new Error("killed");
      },
    });
    expect(await dying.apply(second)).toMatchObject({ code: "failed" });
    expect(target.code().equals(code)).toBe(false);
    await patient(createElfEngine({ journalDir })).recover();
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
  });
});
