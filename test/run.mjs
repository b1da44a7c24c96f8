// `npm test [-- FILTER]`: one scenario of each kind. `npm run test:all`: the long ones too. `npm run test:kernel`: every guest.
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const all = args.includes("--all");
const kernel = args.includes("--kernel");
const filters = args.filter((arg) => arg !== "--all" && arg !== "--kernel");
const { status } = spawnSync("vitest", ["run", ...filters], {
  stdio: "inherit",
  env: { ...process.env, ...(all && { SUTURE_TEST_ALL: "1" }), ...(kernel && { SUTURE_TEST_KERNEL: "1" }) },
});
process.exit(status ?? 1);
