import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { corpus } from "./corpus/corpus.ts";
import type { Row } from "./row.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
/** Those that start at once; the others, and 200 cycles of each: `npm run test:programs`. */
const quick = ["nginx", "redis", "haproxy", "tcmalloc", "jemalloc"];
const cycles = 5;

test.for(corpus.filter(({ name }) => quick.includes(name)))(
  "$name ($about) is patched and unpatched under load and loses nothing",
  ({ name }, { skip }) => {
    const row = runOne(name);
    if (row.status === "absent" && process.env.CI === "true") expect.fail(row.reason);
    if (row.status === "absent") skip(row.reason);
    expect(row).toMatchObject({ status: expect.stringMatching(/^(ok|refused)$/), failed: 0, closed: 0, deaths: 0 });
    expect(row.requests).toBeGreaterThan(0);
  },
);

/** What the command says of one program. */
function runOne(name: string): Row {
  const args = [
    "--disable-warning=ExperimentalWarning",
    "--import",
    "tsx",
    main,
    name,
    "--cycles",
    String(cycles),
    "--json",
  ];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  const [row] = JSON.parse(last).programs;
  return row;
}
