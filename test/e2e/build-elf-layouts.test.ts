import { describe, expect, it } from "vitest";
import { builtPrograms } from "../support/elf/built-patch.ts";

const { both, one } = builtPrograms();

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
