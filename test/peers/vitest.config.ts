import { defineConfig } from "vitest/config";

/** The adapters against servers that others wrote, which are fetched and built first: for CI and `npm run test:all`. */
export default defineConfig({
  test: {
    include: ["test/peers/**/*.test.ts"],
    root: `${import.meta.dirname}/../..`,
    testTimeout: 30_000,
    // a first build fetches and compiles a hundred modules
    hookTimeout: 15 * 60 * 1000,
    fileParallelism: false,
  },
});
