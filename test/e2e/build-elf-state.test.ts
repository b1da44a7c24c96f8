import { describe, expect, it } from "vitest";
import { builtPrograms } from "../support/elf/built-patch.ts";

const { answers, one } = builtPrograms();

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
