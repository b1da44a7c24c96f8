import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { moduleFile } from "../test/support/klp/module-file.ts";
import { readKernelModule } from "./kernel-module.ts";

/** The kernel's structures as include/linux/livepatch.h has them, without the kernel: enough for a compiler to lay them out. */
const source = `
struct klp_func { const char *old_name; void *new_func; unsigned long old_sympos; unsigned long rest[16]; };
struct klp_object { const char *name; struct klp_func *funcs; unsigned long rest[19]; };
struct klp_patch { void *mod; struct klp_object *objs; void *states; _Bool replace; unsigned long rest[16]; };
extern char __this_module;
static int one(void) { return 1; }
static int two(void) { return 2; }
static int three(void) { return 3; }
static struct klp_func of_vmlinux[] = { { "show_one", one }, { "show_two", two }, { } };
static struct klp_func of_driver[] = { { "driver_three", three }, { } };
static struct klp_object objects[] = { { .funcs = of_vmlinux }, { .name = "driver", .funcs = of_driver }, { } };
struct klp_patch patch = { .mod = &__this_module, .objs = objects, .replace = 1 };
static const char info[] __attribute__((section(".modinfo"), used)) =
  "license=GPL\\0livepatch=Y\\0name=acme_fix\\0vermagic=6.1.0-56-amd64 SMP mod_unload ";
`;

let directory: string;
let compiled: Buffer;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-module-"));
  writeFileSync(join(directory, "fix.c"), source);
  execFileSync("cc", ["-O2", "-c", "-fno-pic", "-o", "fix.ko", "fix.c"], { cwd: directory });
  compiled = readFileSync(join(directory, "fix.ko"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("a kernel module", () => {
  it("tells its name, kernel, kind and functions by object, from what the compiler laid out", () => {
    expect(readKernelModule(compiled)).toEqual({
      name: "acme_fix",
      livepatch: true,
      vermagic: "6.1.0-56-amd64 SMP mod_unload ",
      kernel: "6.1.0-56-amd64",
      license: "GPL",
      replace: true,
      functions: expect.arrayContaining([
        { object: "vmlinux", name: "show_one" },
        { object: "vmlinux", name: "show_two" },
        { object: "driver", name: "driver_three" },
      ]),
      signature: null,
    });
  });

  it("tells whether it is signed, and whether it is a livepatch at all", () => {
    expect(readKernelModule(moduleFile({ name: "a", kernel: "6.1", signed: true }))?.signature).toEqual({ bytes: 256 });
    expect(readKernelModule(moduleFile({ name: "a", kernel: "6.1", livepatch: false }))).toMatchObject({
      livepatch: false,
      replace: null,
      functions: [],
    });
  });

  it("is none where the bytes are something else", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("no module"), readFileSync(process.execPath).subarray(0, 4096)])
      expect(readKernelModule(bytes)).toBeNull();
  });

  it("never throws, whatever byte is changed and wherever it is cut", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.nat(), (at, value, end) => {
        const damaged = Buffer.from(compiled);
        damaged[at % damaged.length] = value;
        readKernelModule(damaged);
        readKernelModule(damaged.subarray(0, end % damaged.length));
      }),
      { numRuns: 2000 },
    );
  });
});
