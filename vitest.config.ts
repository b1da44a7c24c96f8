import { defineConfig } from "vitest/config";

const everyTime = [
  "{protocol,functions,cli,agent,infra}/**/*.test.{ts,tsx}",
  "test/{unit,contract,attacks,e2e}/**/*.test.ts",
  "test/browser/live.test.ts",
  "test/kernel/main-path.test.ts",
];
/** Peers that nobody here wrote, bundles under Lambda's own runtime, simulations, and in `long` what has to wait: `npm run test:all`. */
const long = ["test/{peers,lambda,sim,long,real,browser,agent,programs}/**/*.test.ts"];

/** Guests with a real kernel, one after the other: `npm run test:kernel`. */
const kernel = ["test/kernel/**/*.test.ts"];
const ofKernel = process.env.SUTURE_TEST_KERNEL !== undefined;
/** What every engine promises, on everything that it can be shown on here: `npm run test:engines`. */
const engines = [
  "test/contract/{elf,klp,ksplice,canonical,hotpatch,documented}.test.ts",
  "test/kernel/{contract,kpatch}.test.ts",
  "test/long/windows.test.ts",
];
const ofEngines = process.env.SUTURE_TEST_ENGINES !== undefined;
const general = process.env.SUTURE_TEST_ALL === undefined ? everyTime : [...everyTime, ...long];

export default defineConfig({
  test: {
    include: ofEngines ? engines : ofKernel ? kernel : general,
    fileParallelism: !ofKernel && !ofEngines,
    reporters: [
      "default",
      ...(ofKernel ? ["./test/kernel/item-list.ts"] : []),
      ...(ofEngines ? ["./test/contract/engine-table.ts"] : []),
      "./test/support/skip-table.ts",
      "./test/attacks/table.ts",
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
