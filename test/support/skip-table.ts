import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Ends a run with a table of what was skipped and why. With CI=true a skip is a failure: there every prerequisite is installed. */
export default class SkipTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === "skipped");
    const failed = tests.filter((test) => test.result().state === "failed").length;
    const broken = modules.filter((module) => module.state() === "failed" && module.children.size === 0).length;
    console.log(skipped.length === 0 ? "\nNothing was skipped." : table(skipped));
    console.log(
      `${tests.length - skipped.length - failed} passed, ${failed + broken} failed, ${skipped.length} skipped`,
    );
    if (tests.length > 0 && skipped.length === tests.length) {
      console.log("Nothing could be run, which proves nothing: a failure.");
      process.exitCode = 1;
    }
    if (skipped.length > 0 && process.env.CI === "true") {
      console.log("CI=true: a skipped test is a failure. Install what the table names.");
      process.exitCode = 1;
    }
  }
}

function table(skipped: readonly TestCase[]): string {
  const rows = skipped.map((test) => [test.module.relativeModuleId, test.name, reasonOf(test)]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return `\nSkipped, and why:\n${lines.join("\n")}\n`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" ? result.note : undefined) ?? "no reason given";
}
