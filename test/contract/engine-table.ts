import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { Shown } from "./engine.ts";

const meanings = [
  "real        it ran on the real thing, here",
  "emulated    it ran on a stand-in that behaves as the real thing was measured or is documented to",
  "documented  it read outputs that documents have; nothing was run",
];

/** Ends a run of the engines with a table, so that nobody takes a stand-in for the real thing. */
export default class EngineTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const groups = new Map<string, { shown: Shown; tests: TestCase[] }>();
    for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
      const shown = test.meta().engine;
      if (shown === undefined) continue;
      const key = `${shown.engine} ${shown.system}`;
      groups.set(key, { shown, tests: [...(groups.get(key)?.tests ?? []), test] });
    }
    const rows = [...groups.values()].map(({ shown, tests }) => [
      shown.engine,
      shown.system,
      shown.shown,
      resultOf(tests),
    ]);
    const table = [
      ["engine", "system", "", "result"],
      ...rows.sort((one, other) => (one[0] ?? "").localeCompare(other[0] ?? "")),
    ];
    const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
    const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
    console.log(`\n${lines.join("\n")}\n\n${meanings.join("\n")}\n`);
  }
}

function resultOf(tests: readonly TestCase[]): string {
  const states = tests.map((test) => test.result().state);
  const passed = states.filter((state) => state === "passed").length;
  if (passed === tests.length) return `${passed} passed`;
  const skipped = tests.find((test) => test.result().state === "skipped")?.result();
  const why = skipped?.state === "skipped" ? `: ${skipped.note ?? "no reason given"}` : "";
  return states.includes("failed") ? `FAILED, ${passed} of ${tests.length} passed` : `NOT SHOWN${why}`;
}
