import { beforeAll, describe, expect, test } from "vitest";
import { elfFixture } from "../support/elf/fixture.ts";
import { bothFunctions, buildProgram, patchFor, payloadsOf, type Target } from "../support/elf/target.ts";

const host = elfFixture();
const programs = { arena: "", suspended: "" };
beforeAll(() => {
  programs.arena = buildProgram("arena.c", host.directory);
  programs.suspended = buildProgram("suspended.c", host.directory);
});

/** One of the programs in one of its modes, and the patch of it. */
async function start(
  program: keyof typeof programs,
  ...args: string[]
): Promise<{ target: Target; patch: ReturnType<typeof patchFor> }> {
  const binary = programs[program];
  return { target: await host.startOther(binary, ...args), patch: patchFor(binary, host.payload, bothFunctions) };
}

const inOne = { code: "blocked", detail: expect.stringContaining("it may return into one") };

describe("a stack that a program cut from an arena of 64 MiB", () => {
  test("ends where its calls do: a fiber is patched and unpatched, and kept as it is while it is within the function", async () => {
    const { target, patch } = await start("arena");
    expect(await target.ask("wait")).toBe("waits");
    expect(await host.engine.apply(patch)).toMatchObject(inOne);
    expect(await target.ask("")).toBe("went on");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });

  test("counts without the fibers beside it, whose calls are suspended, where its own calls can be told", async () => {
    const { target, patch } = await start("arena");
    expect(await target.ask("switch")).toBe("suspended");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("counts with all that lies above it where its calls cannot be told", async () => {
    const { target, patch } = await start("arena", "bare");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("switch")).toBe("suspended");
    expect(await host.engine.apply(patch)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("it may return into one, or another on the same memory may"),
    });
    expect(await target.ask("value")).toBe("3");
  });
});

describe("a call beneath a signal's handler on an alternate stack", () => {
  test("is a call of its thread: it keeps a patch out until it has returned, and an undo pending, which a second apply does not stack on top of itself", async () => {
    const { target, patch } = await start("suspended", "handler");
    expect(await target.ask("enter")).toBe("suspended");
    expect(await host.engine.apply(patch)).toMatchObject(inOne);
    expect(await target.ask("resume")).toBe("resumed");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("enter")).toBe("suspended");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undo-pending" });
    expect(await host.engine.apply(patch)).toMatchObject({ code: "blocked" });
    expect(payloadsOf(target.pid)).toHaveLength(1);
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undo-pending" });
    expect(await target.ask("resume")).toBe("resumed");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });
});
