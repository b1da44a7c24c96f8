import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildPayload } from "../../cli/elf/build.ts";
import { type BothBuilds, builtPrograms } from "../support/elf/built-patch.ts";

const { answers, both, one } = builtPrograms();
const namesOf = ({ build }: BothBuilds) => build().functions.map(({ name }) => name);

describe("one code under several names", () => {
  const limits = {
    "main.c": `#include "server.h"
      int guest(int n); int admin(int n);
      SERVE(printf("%d %d\\n", guest(n), admin(n)))`,
    "admin.c": "int admin(int n) { return n > 1000 ? 1000 : n; }",
    "guest.c": `int guest(int n) {
      #ifdef FIXED
        return n > 10 ? 10 : n;
      #else
        return n > 1000 ? 1000 : n;
      #endif
      }`,
  };

  it("that the linker made of two functions is refused", () => {
    const made = both(limits, { link: ["-fuse-ld=gold", "-Wl,--icf=all"] });
    expect(() => made.build()).toThrow(/the linker made admin and guest one code/);
  });

  it("that the fix parts is refused", () => {
    const source = `
      int admin(int n) { return n > 1000 ? 1000 : n; }
      #ifdef FIXED
      int guest(int n) { return n > 10 ? 10 : n; }
      #else
      int guest(int n) __attribute__((alias("admin")));
      #endif
      ---
      int admin(int n), guest(int n);
      SERVE(printf("%d %d\\n", guest(n), admin(n)))`;
    expect(() => one(source).build()).toThrow(/admin and guest were one code, and are two after the fix/);
  });

  it("that the source gave it is one function, and the patch names them all", async () => {
    const source = `
      __attribute__((noinline)) int checked(int n) {
      #ifdef FIXED
        if (n > 9) return -1;
      #endif
        return n + (getpid() == 0);
      }
      extern int also(int) __attribute__((alias("checked")));
      ---
      int checked(int), also(int);
      SERVE(printf("%d %d\\n", checked(n), also(n)))`;
    const made = one(source);
    const [entry, more] = made.build().functions;
    expect(more).toBeUndefined();
    expect(new Set([entry?.name, ...(entry?.aliases ?? [])])).toEqual(new Set(["also", "checked"]));
    expect(await answers(made, [["10"], ["10"], ["10"]])).toEqual([["10 10"], ["-1 -1"], ["10 10"]]);
  });

  it("that several files have in common is replaced once", async () => {
    const price = `
      #ifdef FIXED
      #define RATE 3
      #else
      #define RATE 2
      #endif
      __attribute__((noinline)) inline int price(int n) { static int calls; return n * RATE + 0 * calls++; }
      int other(int n);`;
    const files = {
      "price.h": price,
      "other.cc": '#include "price.h"\nint other(int n) { return price(n) * 100; }',
      "main.cc": '#include "server.h"\n#include "price.h"\nSERVE(printf("%d %d\\n", price(n), other(n)))',
    };
    const made = both(files, { compiler: "g++", flags: ["-fno-exceptions"] });
    expect(namesOf(made)).toEqual(["_Z5pricei"]);
    expect(await answers(made, [["10"], ["10"]])).toEqual([["20 2000"], ["30 3000"]]);
  });
});

describe("what an object file may hold besides", () => {
  it("strings with names of their own, as clang has them, common symbols, hidden functions, parts and assembler code", async () => {
    const files = {
      "steps.S": `.text
        .globl one_more, two_more
        .type one_more,@function
        one_more: lea 1(%rdi),%eax; ret
        .size one_more,.-one_more
        .type two_more,@function
        two_more: lea 2(%rdi),%eax; ret
        .size two_more,.-two_more
        .section .note.GNU-stack,"",@progbits`,
      "hidden.c":
        '__attribute__((visibility("hidden"))) int level = 3; __attribute__((visibility("hidden"))) int half(int n) { return n / 2; }',
      "app.c": `#include "server.h"
        extern int one_more(int);
        extern __attribute__((visibility("hidden"))) int level, half(int);
        int seen;
        __attribute__((noinline, visibility("hidden"))) const char *checked(int n) {
        #ifdef FIXED
          if (n > 100) return "far too many";
        #endif
          seen++;
          return one_more(half(n)) + level > 5 ? "many" : "few";
        }
        `,
      "main.c": `#include "server.h"
        extern int seen, two_more(int); extern __attribute__((visibility("hidden"))) const char *checked(int);
        SERVE(const char *is = checked(n); printf("%s %d %d\\n", is, seen, two_more(n)))`,
    };
    for (const compiler of ["gcc", "clang"]) {
      const made = both(files, { compiler, flags: ["-fcommon", "-fPIE"], link: ["-pie"] });
      expect(namesOf(made)).toEqual(["checked"]);
      expect(
        await answers(made, [
          ["10", "101"],
          ["10", "101"],
        ]),
      ).toEqual([
        ["many 1 12", "many 2 103"],
        ["many 3 12", "far too many 3 103"],
      ]);
    }
  });
});

describe("callers that were not compiled with the fix", () => {
  const source = `
    #ifdef FIXED
    __attribute__((noinline)) int checked(int n, int most) { return n > most ? most : n + getpid() * 0; }
    #else
    __attribute__((noinline)) int checked(int n) { return n > 1000 ? 1000 : n + getpid() * 0; }
    #endif
    ---
    #ifdef FIXED
    int checked(int, int); SERVE(printf("%d\\n", checked(n, 10)))
    #else
    int checked(int); SERVE(printf("%d\\n", checked(n)))
    #endif`;

  it("of a function that takes other arguments than before are missed", () => {
    const { pairs, program } = one(source);
    const [app] = pairs;
    if (!app) throw new Error("no files");
    const binary = { path: program, bytes: readFileSync(program) };
    expect(() => buildPayload([app], binary)).toThrow(
      /app\.c:\d+: checked was integer of 4 bytes \(integer of 4 bytes\) and is .*, and main calls it, which is in none of the files/,
    );
  });

  it("may be other programs, where a library exports it", () => {
    const [library = ""] = source.split("---");
    expect(() => one(library, { flags: ["-fPIC"], link: ["-shared"] }).build()).toThrow(/other programs call it/);
  });
});

it("two files of one name keep their own variables, also where the symbols do not tell them apart", async () => {
  const counter = (name: string, step: string) => `
    static int count;
    static const char mark[] = "${name}";
    const char *${name}_mark(void) { return mark; }
    __attribute__((noinline)) int ${name}(int n) {
    #ifdef FIXED
      if (n > 9) return count;
    #endif
      return count += n ${step};
    }`;
  const files = {
    "one/util.c": counter("one", "* 1"),
    "two/util.c": counter("two", "* 100").replace("#ifdef FIXED", "#if 0"),
    "main.c": `#include "server.h"
      int one(int), two(int); const char *one_mark(void), *two_mark(void);
      SERVE(printf("%d %d %s %s\\n", one(n), two(n), one_mark(), two_mark()))`,
  };
  expect(await answers(both(files), [["1"], ["10", "1"]])).toEqual([
    ["1 100 one two"],
    ["1 1100 one two", "2 1200 one two"],
  ]);
});
