import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with what each requirement of the kernel engine was shown by: item, guest case, result. */
export default class ItemList implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => {
        const [, items = "-", title = test.name] = /^items? ([\d, ]+): (.*)$/.exec(test.name) ?? [];
        return { items, title, result: test.result().state, file: module.relativeModuleId };
      }),
    );
    rows.sort((one, other) => Number.parseInt(one.items, 10) - Number.parseInt(other.items, 10));
    console.log("\nThe kernel engine, item by item:");
    for (const { items, title, result, file } of rows)
      console.log(`${items.padEnd(8)} ${result.padEnd(8)} ${title} (${file})`);
  }
}
