import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openMemory, readMappings } from "../../agent/system/proc.ts";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { bothFunctions, buildTarget, patchFor, type Target } from "../support/elf/target.ts";

const host = elfFixture();

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
    const target = await host.start();
    const [maps, code] = [target.maps(), target.code()];
    const outcome = await host.engine.apply(host.patchOf(source));
    expect(outcome).toMatchObject({ code: "unsupported", detail: expect.stringContaining(word) });
    expect([target.maps() === maps, target.code().equals(code)]).toEqual([true, true]);
  });

  test("a thread in a part that the compiler moved out of the function, by its number and the part's name", async () => {
    const built = buildTarget(host.newDirectory(), "-DCOLD_GATE");
    const target = await host.startOther(built.binary);
    const cold = patchFor(built.binary, built.payload, bothFunctions);
    await target.ask("enter");
    expect(await host.engine.apply(cold)).toMatchObject({
      code: "blocked",
      detail: expect.stringMatching(/^process \d+ \(.*\): thread \d+: it may return into one\.cold$/),
    });
    await target.ask("leave");
    expect(await host.engine.apply(cold)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("a function of which the compiler made a copy that calls would still reach, unless both builds were compared", async () => {
    const built = buildTarget(host.newDirectory(), "-DCLONE");
    await host.startOther(built.binary);
    expect(await host.engine.check(patchFor(built.binary, built.payload, bothFunctions))).toMatchObject({
      code: "unsupported",
      detail: expect.stringContaining("one.constprop.0 is a copy of one"),
    });
    const file = new ElfFile(readFileSync(built.binary));
    const compared = bothFunctions.map((each) => {
      const { address = 0, size = 0 } = file.symbols.find(each.name)[0] ?? {};
      const code = file.bytesAt(address, size) ?? Buffer.alloc(0);
      const sha256 = createHash("sha256").update(code).digest("hex");
      return { ...each, address: `0x${address.toString(16)}`, size, sha256 };
    });
    expect(await host.engine.check(patchFor(built.binary, built.payload, compared))).toMatchObject({ code: "applied" });
  });

  test("a function that somebody else has changed", async () => {
    const target = await host.start();
    const breakpoint = Buffer.from([0xcc]);
    const place = addressOf(target, "one");
    const memory = openMemory(target.pid);
    const before = memory.read(place, 1);
    memory.write(place, breakpoint);
    const outcome = await host.engine.check(host.patch);
    memory.write(place, before);
    memory.close();
    expect(outcome).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("one is not as its file has it"),
    });
  });
});

function addressOf({ pid }: Target, name: string): number {
  const [symbol] = new ElfFile(readFileSync(host.binary)).symbols.find(name);
  const first = readMappings(pid).find(({ path, offset }) => path === host.binary && offset === 0);
  if (!symbol || !first) throw new Error(`no ${name}`);
  return first.start + symbol.address;
}
