import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeDurably, writeNewDurably } from "./files.ts";

let directory: string;
let victim: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-files-"));
  victim = join(directory, "victim");
  writeFileSync(victim, "root's own");
});
afterEach(() => rmSync(directory, { recursive: true }));

const file = () => join(directory, "x");

it("a link or a file that somebody put where a draft goes is never written through", () => {
  for (const write of [writeDurably, writeNewDurably]) {
    symlinkSync(victim, `${file()}.new`);
    write(file(), "ours");
    expect(readFileSync(victim, "utf8")).toBe("root's own");
    expect(readFileSync(file(), "utf8")).toBe("ours");
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    rmSync(file());
    rmSync(`${file()}.new`, { force: true });
  }
});

it("a new file never takes the place of one that is there, a dangling link among them, and leaves no draft behind", () => {
  symlinkSync(join(directory, "nowhere"), file());
  expect(() => writeNewDurably(file(), "ours")).toThrow(expect.objectContaining({ code: "already-exists" }));
  expect(existsSync(join(directory, "nowhere"))).toBe(false);
  expect(readdirSync(directory).sort()).toEqual(["victim", "x"]);
});
