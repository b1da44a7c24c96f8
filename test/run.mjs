// `npm test [-- FILTER]`: one scenario of each kind. `npm run test:all`: the long ones too.
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const all = args.includes("--all");
const { status } = spawnSync("vitest", ["run", ...args.filter((arg) => arg !== "--all")], {
  stdio: "inherit",
  env: { ...process.env, ...(all && { SUTURE_TEST_ALL: "1" }) },
});
process.exit(status ?? 1);
