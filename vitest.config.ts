import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{protocol,functions,cli,agent,infra}/**/*.test.{ts,tsx}", "test/{unit,contract,e2e,browser}/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
