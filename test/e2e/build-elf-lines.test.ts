import { describe, expect, it } from "vitest";
import { type BothBuilds, builtPrograms } from "../support/elf/built-patch.ts";

const { answers, one } = builtPrograms();
const namesOf = ({ build }: BothBuilds) => build().functions.map(({ name }) => name);

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

  it("nor do static records that hold the line they are declared in", () => {
    const source = `
      struct place { const char *file; int line; };
      #define WARN(n) ({ static const struct place place = {__FILE__, __LINE__}; warn(&place, n); })
      __attribute__((noinline)) int warn(const struct place *place, int n) { return place->line > 0 ? n : -1; }
      __attribute__((noinline)) int handle(int n) {
      #ifdef FIXED
        if (n > 9) return getpid();
      #endif
        return n + getpid();
      }
      #ifdef FIXED
      #line 101
      #else
      #line 100
      #endif
      __attribute__((noinline)) int other(int n) { return WARN(n) + WARN(n + 1); }
      ---
      int handle(int), other(int); SERVE(printf("%d\\n", handle(n) + other(n)))`;
    expect(namesOf(one(source, { flags: ["-fno-inline"] }))).toEqual(["handle"]);
  });
});
