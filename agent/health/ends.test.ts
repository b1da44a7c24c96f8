import { constants } from "node:os";
import { expect, test } from "vitest";
import { endingOf, endTrouble, type ProcessEnd } from "./ends.ts";

const { SIGSEGV, SIGTERM } = constants.signals;
const end = (pid: number, how: ProcessEnd["how"], name = "shopd"): ProcessEnd => ({ pid, name, at: 0, how });

test("a crash is trouble though others live on, and names the process and the signal", () => {
  const ends = [end(7, { status: 0 }), end(8, { signal: SIGSEGV })];
  expect(endTrouble(ends, ["shopd (6)", "shopd (8)"])).toBe("shopd (8) ended with SIGSEGV within the window");
});

test("a program whose replacements fail too is trouble; one whose first process lives on is not", () => {
  const ends = [7, 8, 9].map((pid) => end(pid, { status: 1 }));
  expect(endTrouble(ends, ["shopd (7)"])).toBe("shopd ended 3 times within the window");
  expect(endTrouble(ends, ["shopd (6)", "shopd (7)"])).toBeUndefined();
  expect(endTrouble(ends.slice(1), ["shopd (7)"])).toBeUndefined();
});

test("ends that were wanted, that went well, that nobody can tell, or of other programs are no trouble", () => {
  const ends = [
    ...[7, 8, 9].map((pid) => end(pid, { status: 0 })),
    ...[10, 11, 12].map((pid) => end(pid, null)),
    ...[13, 14, 15].map((pid) => end(pid, { status: 1 }, "grep")),
    end(16, { signal: SIGTERM }),
  ];
  expect(endTrouble(ends, ["shopd (7)"])).toBeUndefined();
});

test("an end that somebody asked for is told from one by the program's own fault", () => {
  const { SIGINT, SIGKILL, SIGPIPE, SIGQUIT } = constants.signals;
  const signals = [SIGTERM, SIGINT, SIGSEGV, SIGKILL, SIGPIPE, SIGQUIT].map((signal) => endingOf({ signal }));
  expect(signals).toEqual(["ordinary", "ordinary", "crashed", "unclear", "failed", "failed"]);
  expect(endingOf({ signal: SIGQUIT, core: true })).toBe("crashed");
  // 143 is what a JVM answers to SIGTERM
  expect([0, 143, 130, 1, 139].map((status) => endingOf({ status }))).toEqual([
    "ordinary",
    "ordinary",
    "ordinary",
    "failed",
    "failed",
  ]);
  expect(endingOf(null)).toBe("unclear");
});
