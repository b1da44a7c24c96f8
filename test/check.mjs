// `npm run check`: everything that reads the code without running it, side by side.
import { spawn } from "node:child_process";

const checks = {
  format: ["biome", "ci", "--error-on-warnings", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings"],
  types: ["tsc", "--project", "."],
  unused: ["knip"],
  imports: ["vitest", "run", "test/unit/imports.test.ts"],
};

const started = Date.now();
const results = await Promise.all(
  Object.entries(checks).map(async ([name, [command, ...args]]) => {
    const child = spawn(command, args, { env: { ...process.env, CI: "" } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.on("close", resolve).on("error", () => resolve(127)));
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    if (code !== 0) console.log(output);
    return code === 0;
  }),
);
process.exit(results.every(Boolean) ? 0 : 1);
