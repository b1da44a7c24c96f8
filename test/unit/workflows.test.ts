import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "../../.github/workflows");

it.each(globSync("*.yml", { cwd: folder }))(
  "%s runs only actions that are pinned to a commit, and may write nothing by default",
  (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const used = [...text.matchAll(/uses:\s*(\S+)/g)].map(([, action]) => action);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
  },
);
