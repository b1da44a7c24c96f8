import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import { type BothBuilds, type BuildOptions, compileBoth, patchOf, type Sources } from "../support/elf/built-patch.ts";
import { patient } from "../support/elf/patient.ts";
import { startTarget, type Target } from "../support/elf/target.ts";

const targets: Target[] = [];
const builds: BothBuilds[] = [];

afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.stop()));
  for (const { directory } of builds.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function both(sources: Sources, options?: BuildOptions): BothBuilds {
  const made = compileBoth(sources, options);
  builds.push(made);
  return made;
}

/** What the fix changes in one file, and beside it a program that answers lines: what follows the file's `---`. */
function one(source: string, options?: BuildOptions): BothBuilds {
  const [fixed = "", main = ""] = source.split("---");
  const files = { "app.c": `#include "server.h"\n${fixed}`, ...(main && { "main.c": `#include "server.h"\n${main}` }) };
  return both(files, options);
}

/** The answers of a running program before the patch, with it, and after the undo. */
async function answers({ directory, program, build }: BothBuilds, lines: readonly string[][]): Promise<string[][]> {
  const patch = patchOf(build());
  const target = await startTarget(program);
  targets.push(target);
  const engine = patient(createElfEngine({ journalDir: join(directory, "journal") }));
  const told: string[][] = [];
  for (const [step, asked] of lines.entries()) {
    if (step === 1) expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    if (step === 2) expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    const round: string[] = [];
    for (const line of asked) round.push(await target.ask(line));
    told.push(round);
  }
  return told;
}

const namesOf = ({ build }: BothBuilds) => build().functions.map(({ name }) => name);

describe("static variables of functions go by the function that declares them, not by the compiler's number", () => {
  const counters = `
    __attribute__((noinline)) int logins(int n) { static int count; return count += n; }
    __attribute__((noinline)) int failures(int n) {
      static int count;
    #ifdef FIXED
      static int limit = 3;
      if (n && count >= limit) return count;
    #endif
      return count += n;
    }
    ---
    int logins(int n), failures(int n);
    SERVE(printf("%d\\n", n > 0 ? logins(1) : failures(-n)))`;

  it.each(["gcc", "clang"])("where the fix adds another before them (%s)", async (compiler) => {
    const told = await answers(one(counters, { compiler }), [
      ["1", "1", "-1"],
      ["1", "0", "-1", "-1", "-1"],
      ["1", "-1"],
    ]);
    expect(told).toEqual([
      ["1", "2", "1"],
      ["3", "1", "2", "3", "3"],
      ["4", "4"],
    ]);
  });

  it("where the fix adds one of the same name", async () => {
    const source = `
      __attribute__((noinline)) int logins(int n) {
        static int count;
      #ifdef FIXED
        if (count >= 100) return -1;
      #endif
        return count += n;
      }
      __attribute__((noinline)) int failures(int n) {
      #ifdef FIXED
        static int count;
        if (++count > 1) return -1;
      #endif
        return getpid() ? n : 0;
      }
      ---
    int logins(int n), failures(int n);
    SERVE(printf("%d\\n", n > 0 ? logins(1) : failures(-n)))`;
    expect(
      await answers(one(source), [
        ["1", "1"],
        ["1", "-7", "-7", "1"],
      ]),
    ).toEqual([
      ["1", "2"],
      ["3", "7", "-1", "4"],
    ]);
  });

  it("of inlined functions too; and which of two is which is refused where it cannot be told", () => {
    const source = (fix: string) => `
      static inline __attribute__((always_inline)) int next(int n) { static int count; return count += n; }
      __attribute__((noinline)) int first(int n) { static int count; return next(n) + (count += 2); }
      __attribute__((noinline)) int second(int n) {
        { static int count; count += n; n = count; }
        ${fix}
        { static int count = 5; count += n; return next(count); }
      }
      ---
    int first(int n), second(int n);
    SERVE(printf("%d %d\\n", first(n), second(n)))`;
    expect(() => one(source("\n#ifdef FIXED\n{ static int count; n += count++; }\n#endif\n")).build()).toThrow(
      /second uses count of second\(\): there are 2 of .* before and 3 after/,
    );
    const moved = `
      #ifdef FIXED
      static int count;
      #endif
      __attribute__((noinline)) int logins(int n) {
      #ifndef FIXED
        static int count;
      #endif
        return count += n;
      }
      ---
    int logins(int n);
    SERVE(printf("%d\\n", logins(n)))`;
    expect(() => one(moved).build()).toThrow(/logins uses count: count of logins\(\) is gone and count is new/);
  });
});

describe("a constant that did not change is the process's own, so that its address stays what it is", () => {
  it.each(["gcc", "clang"])("a mark in a table, and a default that is never freed (%s)", async (compiler) => {
    const source = `
      static const char tombstone[] = "(removed)";
      static const char none[] = "";
      static const char *slot = none;
      __attribute__((noinline)) void take(void) { slot = tombstone; }
      __attribute__((noinline)) const char *show(int n) {
      #ifdef FIXED
        if (n > 9) return "too many";
      #endif
        if (slot == tombstone) return "free";
        if (slot != none) free((char *)slot), slot = none;
        return slot == none ? "none" : slot;
      }
      ---
    void take(void); const char *show(int n);
    SERVE(if (n < 0) take(); puts(show(n)))`;
    expect(await answers(one(source, { compiler }), [["1", "-1"], ["10", "1"], ["1"]])).toEqual([
      ["none", "free"],
      ["too many", "free"],
      ["free"],
    ]);
  });

  it("a literal whose address stays behind when the patch is undone", async () => {
    const source = `
      const char *state = "starting";
      __attribute__((noinline)) void work(int n) {
      #ifdef FIXED
        if (n > 9) return;
      #endif
        state = n > 5 ? "working hard" : "working";
      }
      ---
    void work(int n); extern const char *state;
    SERVE(if (n) work(n); puts(state))`;
    expect(await answers(one(source), [["0"], ["10", "6", "1"], ["0"]])).toEqual([
      ["starting"],
      ["starting", "working hard", "working"],
      ["working"],
    ]);
    const { payload } = one(source).build();
    expect(payload.includes("working hard")).toBe(false);
  });

  it("and one that changed comes with the payload, as does a table of labels", async () => {
    const source = `
      static const int rates[] = {1, 2, 3,
      #ifdef FIXED
        40
      #else
        4
      #endif
      };
      __attribute__((noinline)) int run(int n) {
        static void *const step[] = {&&stop, &&add, &&twice};
        int value = rates[n & 3];
        goto *step[n & 3 ? 1 : 2];
      add: value += 100; goto *step[0];
      twice: value *= 2;
      stop: return value;
      }
      ---
    int run(int n);
    SERVE(printf("%d\\n", run(n)))`;
    expect(await answers(one(source), [["0", "3"], ["0", "3"], ["3"]])).toEqual([["2", "104"], ["2", "140"], ["104"]]);
  });
});

describe("another layout of data is seen, whatever the debugging information is like, and the field is named", () => {
  const session = (name: string) => `
    struct ${name} {
    #ifdef FIXED
      int tries;
    #endif
      int id; char user[12];
    } *session;
    __attribute__((noinline)) void make(int n) { session = calloc(1, sizeof *session); session->id = n; }
    __attribute__((noinline)) int show(void) {
    #ifdef FIXED
      session->tries++;
    #endif
      return session->id;
    }
    ---
    void make(int n); int show(void);
    SERVE(if (n) make(n); printf("%d\\n", show()))`;
  const isNew =
    /the layout of struct session differs \(app\.c:3\), .*: tries is new, at 0, and its size was 16 and is 20 bytes/;

  it.each([
    ["gcc", []],
    ["gcc", ["-gdwarf-4"]],
    ["gcc", ["-fdebug-types-section"]],
    ["gcc", ["-fdebug-types-section", "-gdwarf-4"]],
    ["gcc", ["-gz=zlib"]],
    ["clang", []],
    ["clang", ["-gdwarf-4"]],
  ])("%s %j", (compiler, flags) => {
    expect(() => one(session("session"), { compiler, flags }).build()).toThrow(isNew);
    expect(() => one(session(""), { compiler, flags }).build()).toThrow(/the type of variable session differs/);
  });

  it("in one of two types of one name, and in the numbers of an enumeration", () => {
    const two = `
      #include <cstdlib>
      namespace users { struct Node {
      #ifdef FIXED
        int failed;
      #endif
        int id; }; }
      namespace trees { struct Node { int depth; }; }
      static users::Node *user; static trees::Node *tree;
      int main() { user = (users::Node *)calloc(1, sizeof *user); tree = (trees::Node *)user; return user->id + tree->depth; }`;
    const made = both({ "app.cc": two }, { compiler: "g++", flags: ["-fno-exceptions"] });
    expect(() => made.build()).toThrow(/struct users::Node differs .*failed is new/);
    const states = `
      enum state { idle,
      #ifdef FIXED
        waiting,
      #endif
        running };
      static enum state now = idle;
      __attribute__((noinline)) int next(int n) { now = n ? running : idle; return now; }
      ---
    int next(int n);
    SERVE(printf("%d\\n", next(n)))`;
    expect(() => one(states).build()).toThrow(/enum state differs .*running was 1 and is 2/);
  });

  it("and what says nothing of layouts is refused", () => {
    const source = `int handle(int n) {
      #ifdef FIXED
        if (n > 9) return 0;
      #endif
        return n + getpid(); }`;
    for (const compiler of ["gcc", "clang"]) {
      const made = one(source, { compiler, flags: ["-g1"], link: ["-shared"] });
      expect(() => made.build()).toThrow(/compile it with -g \(not -g1\)/);
    }
    expect(() => one(session("session"), { flags: ["-gsplit-dwarf"] }).build()).toThrow(/-gno-split-dwarf/);
  });
});

describe("what a running process would not see is no patch", () => {
  const refused: [string, string, RegExp][] = [
    [
      "a table of labels that is a variable",
      `__attribute__((noinline)) int run(int n) {
         static void *step[] = {&&stop, &&add};
         if (n > 99) step[0] = step[1];
         goto *step[n & 1];
       add: n +=
       #ifdef FIXED
         2;
       #else
         1;
       #endif
       stop: return n; }
       ---
    int run(int n);
    SERVE(printf("%d\\n", run(n)))`,
      /run keeps addresses of its own labels in a variable \(step of run\(\)\)/,
    ],
    [
      "a constructor, and what only it calls",
      `int limit;
       __attribute__((noinline)) static int chosen(void) {
       #ifdef FIXED
         return getenv("LIMIT") ? 1 : 10;
       #else
         return getenv("LIMIT") ? 1 : 1000;
       #endif
       }
       __attribute__((constructor)) static void settings(void) { limit = chosen(); }
       ---
    extern int limit;
    SERVE(printf("%d\\n", n > limit ? limit : n))`,
      /chosen runs only when the program starts.*restart/,
    ],
    [
      "a new constructor",
      `int limit;
       #ifdef FIXED
       __attribute__((constructor)) static void settings(void) { limit = 7; }
       #endif
       SERVE(printf("%d\\n", n + limit))`,
      /\.init_array is new/,
    ],
    [
      "main itself",
      `int limit;
       #ifdef FIXED
       SERVE(printf("%d\\n", n + limit))
       #else
       SERVE(printf("%d\\n", n))
       #endif`,
      /main is on the stack as long as the program runs/,
    ],
  ];

  it.each(refused)("%s", (_, source, reason) => {
    expect(() => one(source).build()).toThrow(reason);
  });
});

describe("functions that differ in line numbers alone stay as they are", () => {
  it.each([
    ["gcc", "-O2"],
    ["gcc", "-O1"],
    ["gcc", "-Os"],
    ["clang", "-O2"],
  ])("main among them, and the fix's own numbers count (%s %s)", async (compiler, level) => {
    const source = `
      #include <assert.h>
      #define LOG(text) fprintf(stderr, "%s:%d %s\\n", __FILE__, __LINE__, text)
      __attribute__((noinline)) int handle(int n) {
      #ifdef FIXED
        if (n < 0) return 0;
      #endif
        return n > 1000 ? n - 1000 : n * 2;
      }
      #ifdef FIXED
      #line 114
      #else
      #line 113
      #endif
      __attribute__((noinline)) int other(int n) {
        assert(n != 77); if (n == 78) LOG("strange");
        assert(n != 79);
        return n + 1;
      }
      #ifdef FIXED
      #define LIMIT 126
      #else
      #define LIMIT 125
      #endif
      __attribute__((noinline)) int limited(int n) {
      #ifdef FIXED
      #line 126
      #else
      #line 125
      #endif
        return n > LIMIT ? LIMIT : n;
      }
      SERVE(if (n == 77) LOG("odd"); printf("%d %d %d\\n", handle(n), other(n), limited(n)))`;
    const made = one(source, { compiler, flags: [level, "-fno-inline"] });
    expect(namesOf(made).sort()).toEqual(["handle", "limited"]);
    expect(
      made
        .build()
        .leftOut.map(({ name }) => name)
        .sort(),
    ).toEqual(["main", "other"]);
    expect(
      await answers(made, [
        ["-3", "200"],
        ["-3", "200"],
      ]),
    ).toEqual([
      ["-6 -2 -3", "400 201 125"],
      ["0 -2 -3", "400 201 126"],
    ]);
  });

  it("and so do those that only name the day of the build", () => {
    const source = `
      __attribute__((noinline)) const char *built(void) { return BUILT; }
      __attribute__((noinline)) int handle(int n) {
      #ifdef FIXED
        return n + 2 * getpid();
      #define BUILT "built on Mar  2 2026 at 11:59:01"
      #else
        return n + 1 * getpid();
      #define BUILT "built on Mar  1 2026 at 09:00:10"
      #endif
      }`;
    const order = `${source.split("__attribute__((noinline)) int handle")[0]}`;
    const rest = source.slice(order.length);
    const made = one(
      `${rest}${order}---\nconst char *built(void); int handle(int n); SERVE(printf("%s %d\\n", built(), handle(n)))`,
    );
    expect(namesOf(made)).toEqual(["handle"]);
    expect(made.build().leftOut).toMatchObject([{ name: "built", source: { file: "app.c" } }]);
  });
});

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
      await Promise.all(targets.splice(0).map((target) => target.stop()));
    }
  });
});
