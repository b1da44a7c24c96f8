// `npm test [-- FILTER]`: one scenario of each kind. `npm run test:all`: the long ones too. `npm run test:kernel`: every guest.
// `npm run test:lambda`: the bundles under Lambda's runtime. `npm run test:engines`: every engine, on whatever it can be shown on.
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const modes = ["--all", "--kernel", "--lambda", "--engines"];
const [all, kernel, lambda, engines] = modes.map((mode) => args.includes(mode));
const filters = args.filter((arg) => !modes.includes(arg));
const { status } = spawnSync("vitest", ["run", ...filters, ...(lambda ? ["test/lambda"] : [])], {
  stdio: "inherit",
  env: {
    ...process.env,
    ...((all || lambda) && { SUTURE_TEST_ALL: "1" }),
    ...(kernel && { SUTURE_TEST_KERNEL: "1" }),
    ...(engines && { SUTURE_TEST_ENGINES: "1" }),
  },
});
process.exit(status ?? 1);
