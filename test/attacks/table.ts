import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Ends a run in which attacks were tried with their table: the attack, what stopped it, the code, and whether the report names it, or why not. */
export default class AttackTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const rows = tests.map(rowOf).filter((row) => row !== undefined);
    if (rows.length === 0) return;
    const table = [["attack", "stopped by", "code", "report names it"], ...rows];
    const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
    const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
    console.log(`\n${lines.join("\n")}\n\n${rows.length} attacks`);
  }
}

function rowOf(test: TestCase): string[] | undefined {
  const { attack } = test.meta();
  if (attack === undefined) return undefined;
  const stopped = test.result().state === "passed" ? attack.stoppedBy : "NOTHING";
  return [attack.attack, stopped, attack.code, attack.named];
}
