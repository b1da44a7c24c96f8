import { defineConfig } from "vitest/config";

const everyTime = [
  "{protocol,functions,cli,agent,infra}/**/*.test.{ts,tsx}",
  "test/{unit,contract,e2e,browser}/**/*.test.ts",
];
/** Peers that nobody here wrote, simulations, and whatever else takes long: `npm run test:all`. */
const long = ["test/{peers,sim}/**/*.test.ts"];

export default defineConfig({
  test: {
    include: process.env.SUTURE_TEST_ALL === undefined ? everyTime : [...everyTime, ...long],
    reporters: ["default", "./test/support/skip-table.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
