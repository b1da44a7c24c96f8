import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { VerifiedPatch } from "../../agent/engines/engine.ts";
import { buildPayload } from "../../cli/elf/build.ts";
import { readPatchFolder } from "../../cli/patch-folder.ts";
import { runSuture } from "../../cli/program.ts";
import { isSutureError } from "../../protocol/errors.ts";
import { patient } from "../support/elf/patient.ts";
import { startTarget, type Target } from "../support/elf/target.ts";

const sources = join(import.meta.dirname, "../support/elf");
const compiler = process.env.CC ?? "cc";
const folder = mkdtempSync(join(tmpdir(), "suture-build-"));
const targets: Target[] = [];
let builds = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop()));
});

/** Compiles both files of the shop; returns the folder with the object files and, in it, the program. */
function compile(...flags: string[]): string {
  const directory = join(folder, String(builds++));
  mkdirSync(directory);
  const objects = ["shop", "shop-offers"].map((name) => {
    const object = join(directory, `${name}.o`);
    const always = ["-O2", "-g", "-ffunction-sections", "-fdata-sections"];
    execFileSync(compiler, [...always, ...flags, "-c", "-o", object, join(sources, `${name}.c`)]);
    return object;
  });
  const link = flags.filter((flag) => /^-(?:no-pie|static|pie)/.test(flag));
  execFileSync(compiler, ["-Wl,--build-id=uuid", ...link, "-o", join(directory, "shop"), ...objects]);
  return directory;
}

/** `suture build elf` of two builds, as one types it. */
async function build(before: string, after: string, out: string): Promise<Record<string, unknown>> {
  let printed = "";
  const about = ["--product", "shop", "--patch", "prices", "--title", "Fix the prices", "--severity", "high"];
  const paths = ["--before", before, "--after", after, "--target", join(before.replace(/\/[^/]*\.o$/, ""), "shop")];
  await runSuture(["build", "elf", ...paths, "--out", out, ...about, "--json"], {
    env: {},
    home: folder,
    now: () => new Date(0),
    out: (text) => {
      printed += text;
    },
    err: () => undefined,
    watched: false,
  });
  return JSON.parse(printed);
}

/** The patch in a folder, through what `suture publish` makes of it. */
async function readPatch(out: string): Promise<VerifiedPatch> {
  const { manifest, bundles } = await readPatchFolder(out, "stable");
  const [variant] = manifest.variants;
  const bundle = bundles.find(({ sha256 }) => sha256 === variant?.bundle.sha256);
  if (!variant || !bundle) throw new Error("the patch has no variant");
  return { id: "acme/shop/stable/prices@1", variant, payload: zstdDecompressSync(bundle.bytes) };
}

async function start(directory: string): Promise<Target> {
  const target = await startTarget(join(directory, "shop"));
  targets.push(target);
  return target;
}

describe("a patch that is made from the builds before and after a source change", () => {
  it.each([
    ["a position-independent program", []],
    ["a program at a fixed address", ["-no-pie", "-fno-pie"]],
    ["a static program", ["-static", "-no-pie", "-fno-pie"]],
    ["a static position-independent program", ["-static-pie", "-fPIE"]],
    ["a program compiled with -fPIC and little optimisation", ["-fPIC", "-O1"]],
    ["a program with endbr64 entries", ["-fcf-protection=full"]],
    ["a program compiled with -O3 -march=x86-64-v3", ["-O3", "-march=x86-64-v3"]],
  ])("changes exactly what was changed, in %s", async (_, flags) => {
    const before = compile(...flags);
    const out = join(folder, `patch-${builds}`);
    const built = await build(before, compile(...flags, "-DFIXED"), out);
    expect(built).toMatchObject({
      functions: expect.arrayContaining([expect.objectContaining({ name: "answer", replacement: "answer.fixed" })]),
    });
    const names = (built.functions as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(["answer", "discount", "name_of"]);

    const target = await start(before);
    expect(await target.ask("2")).toBe("plum 30 #101 3 10");
    const engine = patient(createElfEngine({ journalDir: join(out, "journal") }));
    const patch = await readPatch(out);
    expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("2")).toBe("fixed plum 35 #102 4 1010");
    expect(await target.ask("4")).toBe("fig 50 #103 7 1020");
    expect(await target.ask("5")).toBe("no date 60 #104 9 1025");
    expect(await target.ask("9999")).toBe("no 4");
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("2")).toBe("plum 30 #105 8 10");
  });

  it("is made of one object file too, and a second target becomes a second variant", async () => {
    const [before, after] = [compile(), compile("-DFIXED")];
    const out = join(folder, "variants");
    const built = await build(join(before, "shop-offers.o"), join(after, "shop-offers.o"), out);
    expect(built).toMatchObject({ functions: [{ name: "discount" }] });
    const [other, otherAfter] = [compile("-O1"), compile("-O1", "-DFIXED")];
    await build(other, otherAfter, out);
    await build(other, otherAfter, out);
    expect(JSON.parse(readFileSync(join(out, "patch.json"), "utf8")).variants).toHaveLength(2);
  });
});

describe("what no patch can be made of is refused, with the reason", () => {
  const before = compile();
  it.each([
    ["nothing changed", [], /no function differs/],
    ["a variable that begins otherwise", ["-DFIXED", "-DNEW_DATA"], /shop-offers\.c:3: best differs/],
    ["another layout of data", ["-DFIXED", "-DNEW_LAYOUT"], /shop\.o: the layout of struct basket differs/],
    ["a thread-local variable", ["-DNEW_THREAD_LOCAL"], /thread-local/],
    ["no debugging information", ["-DFIXED", "-g0"], /compile it with -g/],
    ["functions in one section", ["-DFIXED", "-fno-function-sections"], /-ffunction-sections/],
    ["exceptions that pass through", ["-DFIXED", "-fexceptions"], /exceptions may pass/],
    ["no machine code", ["-DFIXED", "-flto", "-fno-fat-lto-objects"], /without -flto/],
  ])("%s", async (_, flags, reason) => {
    expect(await build(before, compile(...flags), join(folder, "refused"))).toMatchObject({
      error: { code: "unsupported", detail: expect.stringMatching(reason) },
    });
  });

  it("one file alone, where another has a changed function inlined", async () => {
    const [taxed, after] = [compile("-DTAX=2"), compile("-DTAX=3")];
    const alone = (name: string) => [join(taxed, name), join(after, name)] as const;
    expect(await build(...alone("shop-offers.o"), join(folder, "refused"))).toMatchObject({
      error: { code: "unsupported", detail: expect.stringContaining("tax is inlined into unchanged") },
    });
    const whole = await build(taxed, after, join(folder, `patch-${builds}`));
    expect(whole).toMatchObject({
      functions: expect.arrayContaining([expect.objectContaining({ name: "unchanged" })]),
    });
  });

  it("a target that was built otherwise than the build before", async () => {
    const [other, after] = [compile("-O1"), compile("-DFIXED")];
    copyFileSync(join(other, "shop"), join(before, "shop"));
    expect(await build(before, after, join(folder, "refused"))).toMatchObject({
      error: { code: "unsupported", detail: expect.stringMatching(/is not the one of the build before/) },
    });
  });

  it("whatever bytes of an object file are changed or cut off, it ends, and with a reason", () => {
    const [was, is] = [compile(), compile("-DFIXED")];
    const read = (path: string) => ({ path, bytes: readFileSync(path) });
    const [old, fixed, binary] = [read(join(was, "shop.o")), read(join(is, "shop.o")), read(join(was, "shop"))];
    expect(buildPayload([{ before: old, after: fixed }], binary).functions).toHaveLength(2);
    const place = fc.oneof(
      fc.nat(fixed.bytes.length),
      fc.nat(4095).map((back) => fixed.bytes.length - 1 - back),
    );
    const changes = fc.array(fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 8 })), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.option(fc.nat(fixed.bytes.length)), (damage, cut) => {
        const bytes = Buffer.from(fixed.bytes.subarray(0, cut ?? fixed.bytes.length));
        for (const [at, by] of damage) if (at < bytes.length) bytes.set(by.subarray(0, bytes.length - at), at);
        try {
          buildPayload([{ before: old, after: { path: "damaged.o", bytes } }], binary);
        } catch (error) {
          if (!isSutureError(error)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  it("C++, unless it was compiled without exceptions", async () => {
    const compileCxx = (...flags: string[]) => {
      const directory = join(folder, `cxx-${builds++}`);
      mkdirSync(directory);
      writeFileSync(
        join(directory, "shop.cc"),
        `extern "C" int puts(const char *);
         __attribute__((noinline)) int price(int n) { puts("a price"); return n * FACTOR; }
         int main(int n, char **) { return puts("a shop") + price(n); }`,
      );
      const always = ["-x", "c++", "-O2", "-g", "-ffunction-sections", "-fdata-sections"];
      execFileSync(compiler, [...always, ...flags, "-c", "-o", join(directory, "shop.o"), join(directory, "shop.cc")]);
      execFileSync(compiler, ["-Wl,--build-id=uuid", "-o", join(directory, "shop"), join(directory, "shop.o")]);
      return directory;
    };
    const [cxx, fixed] = [compileCxx("-DFACTOR=2"), compileCxx("-DFACTOR=3")];
    expect(await build(cxx, fixed, join(folder, "refused"))).toMatchObject({
      error: { code: "unsupported", detail: expect.stringMatching(/exceptions may pass/) },
    });
    const without = ["-DFACTOR=2", "-DFACTOR=3"].map((factor) => compileCxx(factor, "-fno-exceptions"));
    const [plain = "", mended = ""] = without;
    expect(await build(plain, mended, join(folder, "cxx-patch"))).toMatchObject({ functions: expect.any(Array) });
  });

  it("a file that is damaged, or none", async () => {
    const damaged = join(folder, "damaged.o");
    writeFileSync(damaged, readFileSync(join(before, "shop.o")).subarray(0, 2000));
    const refused = await build(join(before, "shop.o"), damaged, join(folder, "refused"));
    expect(refused).toMatchObject({ error: { code: "unsupported" } });
    const missing = await build(join(before, "shop.o"), join(folder, "no.o"), join(folder, "refused"));
    expect(missing).toMatchObject({ error: { code: "invalid-request" } });
  });
});
