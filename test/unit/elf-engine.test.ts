import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch, Engine } from "../../agent/engines/engine.ts";
import { openMemory, readMappings } from "../../agent/system/proc.ts";
import { buildEchod, startEchod } from "../../infra/local/echod.ts";
import { startLoad } from "../../infra/local/load.ts";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { patient } from "../support/elf/patient.ts";
import {
  asChildOfAnother,
  bothFunctions,
  buildTarget,
  codeOf,
  compilePayload,
  patchFor,
  startTarget,
  type Target,
} from "../support/elf/target.ts";

let directory: string;
let binary: string;
let payload: string;
let patch: ElfPatch;
let impatient: Engine;
let engine: Engine;
let targets: Target[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-elf-"));
  ({ binary, payload } = buildTarget(directory));
  patch = patchFor(binary, payload, bothFunctions);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  impatient = createElfEngine({ journalDir: mkdtempSync(join(directory, "journal-")) });
  engine = patient(impatient);
  targets = [];
});
afterEach(async () => {
  await Promise.all(targets.map((target) => target.stop()));
});

async function start(...args: string[]): Promise<Target> {
  const target = await startTarget(binary, ...args);
  targets.push(target);
  return target;
}

/** A payload of a few lines of C, for a patch that replaces one(). */
function patchOf(source: string): ElfPatch {
  const file = join(directory, "other.c");
  writeFileSync(file, source);
  compilePayload(file, join(directory, "other.so"));
  return patchFor(binary, join(directory, "other.so"), [{ name: "one", replacement: "one_fixed" }]);
}

describe("what the target notices", () => {
  test("a server under load fails no request and closes no connection while it is patched and unpatched", async () => {
    const echod = await buildEchod(join(directory, "echod"));
    const server = await startEchod(asChildOfAnother(echod.binary));
    const load = await startLoad({ port: server.port });
    const fix = patchFor(echod.binary, echod.payload, [{ name: "echo", replacement: "echo_checked" }]);
    try {
      for (let round = 0; round < 10; round++) {
        expect(await load.leak()).toBe(true);
        expect(await engine.apply(fix)).toMatchObject({ code: "applied" });
        expect(await load.leak()).toBe(false);
        expect(await engine.undo(fix.id)).toMatchObject({ code: "undone" });
      }
      await load.stop();
      expect(load.stats()).toMatchObject({ failed: 0, closed: 0 });
      expect(load.stats().requests).toBeGreaterThan(64);
    } finally {
      await server.stop();
    }
  });

  test("no system call that a stop interrupts ends with EINTR", async () => {
    const target = await start();
    for (let round = 0; round < 50; round++) {
      await engine.apply(patch);
      await engine.undo(patch.id);
    }
    expect(await target.ask("eintr")).toBe("0");
  });

  test("a thread that cannot be stopped puts the patch off, and the others, let go again, see no EINTR", async () => {
    const target = await start();
    await engine.stage(patch);
    expect(await target.ask("vfork")).toBe("started");
    const outcome = await impatient.apply(patch);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await target.ask("eintr")).toBe("0");
    expect(JSON.stringify(outcome)).toMatch(/does not stop|"attempts":(?!1\b)/);
    expect(await engine.apply(patch)).toMatchObject({ code: expect.stringMatching(/applied/) });
    expect(await target.ask("value")).toBe("30");
  });

  test("a sandbox that kills the target for mapping memory does not kill it for ours", async () => {
    const target = await start("sandbox");
    expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });

  test("a process that job control has stopped is patched and stays stopped", async () => {
    const target = await start();
    process.kill(target.pid, "SIGSTOP");
    expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    const answer = target.ask("value");
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, "no answer"))]);
    expect(first).toBe("no answer");
    process.kill(target.pid, "SIGCONT");
    expect(await answer).toBe("30");
  });
});

describe("addresses that ended calls left on a stack", () => {
  test("keep a patch neither out nor in, for the calls that the thread is in are known to be others", async () => {
    const target = await start();
    const code = target.code();
    expect(await target.ask("linger")).toBe("lingers");
    const applied = await engine.apply(patch);
    expect(applied).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await target.ask("linger")).toBe("lingers");
    const undone = await engine.undo(patch.id);
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
    const parent = await start("flat");
    const before = codeOf(parent.pid);
    await engine.apply(patch);
    const child = Number(await parent.ask("fork"));
    try {
      expect(await engine.apply(patch)).toMatchObject({ code: "already-applied" });
      await parent.stop();
      expect(await engine.list()).toMatchObject([{ targets: [{ pid: child }] }]);
      expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
      expect(codeOf(child).equals(before)).toBe(true);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test("a process that became itself anew is patched again", async () => {
    const target = await start("flat");
    await engine.apply(patch);
    expect(await target.ask("reexec")).toMatch(/^ready/);
    expect(await engine.list()).toEqual([]);
    expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("a build that only one of two processes can take is left out of both", async () => {
    const [free, busy] = [await start(), await start()];
    await busy.ask("enter");
    expect(await engine.apply(patch)).toMatchObject({ code: "blocked" });
    expect([await free.ask("value"), await busy.ask("value")]).toEqual(["3", "3"]);
    expect(await engine.list()).toEqual([]);
  });
});

describe("what is refused, with its reason", () => {
  const cases: [string, string, string][] = [
    ["thread-local variables", "__thread int mine; int one_fixed(int w) { return ++mine + w; }", "thread-local"],
    [
      "constructors",
      "int ran; __attribute__((constructor)) static void go(void) { ran = 1; } int one_fixed(int w) { return w; }",
      "constructors",
    ],
    ["an unknown name", "int nowhere(int); int one_fixed(int w) { return nowhere(w); }", "nowhere"],
    ["a missing replacement", "int something_else(int w) { return w; }", "one_fixed"],
  ];
  test.each(cases)("a payload with %s", async (_, source, word) => {
    const target = await start();
    const [maps, code] = [target.maps(), target.code()];
    const outcome = await engine.apply(patchOf(source));
    expect(outcome).toMatchObject({ code: "unsupported", detail: expect.stringContaining(word) });
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("a thread in a part that the compiler moved out of the function, by its number and the part's name", async () => {
    const built = buildTarget(mkdtempSync(join(directory, "cold-")), "-DCOLD_GATE");
    const target = await startTarget(built.binary);
    targets.push(target);
    const cold = patchFor(built.binary, built.payload, bothFunctions);
    await target.ask("enter");
    expect(await engine.apply(cold)).toMatchObject({
      code: "blocked",
      detail: expect.stringMatching(/^process \d+: thread \d+: it may return into one\.cold$/),
    });
    await target.ask("leave");
    expect(await engine.apply(cold)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("a function of which the compiler made a copy that calls would still reach", async () => {
    const built = buildTarget(mkdtempSync(join(directory, "clone-")), "-DCLONE");
    targets.push(await startTarget(built.binary));
    expect(await engine.check(patchFor(built.binary, built.payload, bothFunctions))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("one.constprop.0 is a copy of one"),
    });
  });

  test("a function that somebody else has changed", async () => {
    const target = await start();
    const breakpoint = Buffer.from([0xcc]);
    const place = addressOf(target, "one");
    const memory = openMemory(target.pid);
    const before = memory.read(place, 1);
    memory.write(place, breakpoint);
    const outcome = await engine.check(patch);
    memory.write(place, before);
    memory.close();
    expect(outcome).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("one is not as its file has it"),
    });
  });
});

describe("several patches of one process", () => {
  /** Replaces one() by what answers 100, or what is given. */
  const other = (id: string, answer = 100): ElfPatch => ({
    ...patchOf(`int one_fixed(int wait) { return wait ? 0 : ${answer}; }`),
    id: `acme/target/stable/${id}@1`,
  });

  test("the latest of a function counts, and they come out from the uppermost down", async () => {
    const target = await start();
    const [maps, code] = [target.maps(), target.code()];
    const [second, third] = [other("second"), other("third", 200)];
    for (const [each, value] of [
      [patch, "30"],
      [second, "120"],
      [third, "220"],
    ] as const) {
      expect(await engine.apply(each)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe(value);
    }
    expect((await engine.list()).map(({ id }) => id).sort()).toEqual([patch.id, second.id, third.id].sort());
    for (const each of [patch, second, third]) {
      expect(await engine.apply(each)).toMatchObject({ code: "already-applied" });
      expect(await engine.verify(each)).toMatchObject({ code: "applied" });
    }
    expect(await engine.undo(second.id)).toMatchObject({
      code: "undo-pending",
      detail: expect.stringContaining(`${third.id} lies over it in one: undo that one first`),
    });
    expect(await target.ask("value")).toBe("220");
    for (const [each, value] of [
      [third, "120"],
      [second, "30"],
      [patch, "3"],
    ] as const) {
      expect(await engine.undo(each.id)).toMatchObject({ code: "undone" });
      expect(await target.ask("value")).toBe(value);
    }
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("of different functions come out in any order", async () => {
    const target = await start();
    const [maps, code] = [target.maps(), target.code()];
    const onlyTwo: ElfPatch = {
      ...patch,
      id: "acme/target/stable/two@1",
      variant: { ...patch.variant, functions: bothFunctions.slice(1) },
    };
    const one = other("one");
    await engine.apply(one);
    await engine.apply(onlyTwo);
    expect(await target.ask("value")).toBe("120");
    expect(await engine.undo(one.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("21");
    expect(await engine.undo(onlyTwo.id)).toMatchObject({ code: "undone" });
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("one does not go in while a thread is in the one beneath, nor out while a thread is in itself", async () => {
    const target = await start();
    await engine.apply(patch);
    await target.ask("enter");
    const second = other("second");
    expect(await engine.apply(second)).toMatchObject({ code: "blocked", detail: expect.stringContaining(patch.id) });
    expect(await target.ask("value")).toBe("30");
    await target.ask("leave");
    expect(await engine.apply(second)).toMatchObject({ code: "applied" });
    expect(await engine.undo(second.id)).toMatchObject({ code: "undone" });
  });

  test("an agent that was killed over another patch finds that one as it was", async () => {
    const target = await start();
    await engine.apply(patch);
    const [maps, code] = [target.maps(), target.code()];
    const second = other("second");
    const journalDir = mkdtempSync(join(directory, "journal-"));
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
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
  });
});

function addressOf({ pid }: Target, name: string): number {
  const [symbol] = new ElfFile(readFileSync(binary)).symbols.find(name);
  const first = readMappings(pid).find(({ path, offset }) => path === binary && offset === 0);
  if (!symbol || !first) throw new Error(`no ${name}`);
  return first.start + symbol.address;
}
