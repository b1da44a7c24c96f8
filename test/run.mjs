// `npm test [-- FILTER]`: one scenario of each kind. `npm run test:all`: the long ones too. `npm run test:kernel`: every guest.
// `npm test [-- FILTER]`: one scenario of each kind. `npm run test:all`: the long ones too. `npm run test:lambda`: those of the bundles.
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const all = args.includes("--all");
const kernel = args.includes("--kernel");
const filters = args.filter((arg) => arg !== "--all" && arg !== "--kernel");
const { status } = spawnSync("vitest", ["run", ...filters], {
  stdio: "inherit",
  env: { ...process.env, ...(all && { SUTURE_TEST_ALL: "1" }), ...(kernel && { SUTURE_TEST_KERNEL: "1" }) },
const lambda = args.includes("--lambda");
const filters = args.filter((arg) => arg !== "--all" && arg !== "--lambda");
const { status } = spawnSync("vitest", ["run", ...filters, ...(lambda ? ["test/lambda"] : [])], {
  stdio: "inherit",
  env: { ...process.env, ...((all || lambda) && { SUTURE_TEST_ALL: "1" }) },
});
process.exit(status ?? 1);
