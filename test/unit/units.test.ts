import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const units = join(import.meta.dirname, "../../agent/units");
const linesOf = (unit: string) => readFileSync(join(units, unit), "utf8").split("\n");
const walls = (unit: string) =>
  linesOf(unit).filter((line) =>
    /^(?:Capability|NoNew|Protect|Private|Restrict|System|State|ReadWrite|Lock|Keyring|UMask|Memory)/.test(line),
  );

test("the timer's round stands behind the same walls as the resident agent", () => {
  expect(walls("suture-agent.service").length).toBeGreaterThan(20);
  expect(walls("suture-agent-once.service")).toEqual(walls("suture-agent.service"));
});

test("each unit starts what packages put on a host, and names only units that there are", () => {
  const all = readdirSync(units);
  for (const unit of all) {
    const lines = linesOf(unit);
    for (const start of lines.filter((line) => line.startsWith("ExecStart=")))
      expect(start).toMatch(/^ExecStart=\/usr\/bin\/suture-agent (?:run|poll|boot)$/);
    const named = lines
      .filter((line) => !line.startsWith("#"))
      .flatMap((line) => line.match(/suture-agent[a-z-]*\.(?:service|timer)/g) ?? []);
    for (const name of named) expect(all).toContain(name);
  }
});
