import { chmodSync, chownSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHostChecks } from "./host-checks.ts";

let directory: string;
let folder: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-health-"));
  folder = join(directory, "health.d");
  mkdirSync(folder, { mode: 0o755 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const tcp = JSON.stringify({ kind: "tcp", port: 5432 });
const put = (name: string, text = tcp) => {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), 0o644);
};

test("each file is a check by its name, in order; no folder is no checks", () => {
  put("web.json", JSON.stringify({ kind: "http", url: "https://shop.example/healthz", windowSeconds: 90 }));
  put("database.json");
  put("notes.txt", "none");
  expect(readHostChecks(folder)).toEqual({
    checks: [
      { name: "database", kind: "tcp", host: "127.0.0.1", port: 5432, timeoutSeconds: 10, windowSeconds: 30 },
      { name: "web", kind: "http", url: "https://shop.example/healthz", timeoutSeconds: 10, windowSeconds: 90 },
    ],
    refused: [],
  });
  expect(readHostChecks(join(directory, "none"))).toEqual({ checks: [], refused: [] });
});

test.each<[string, () => void, RegExp]>([
  ["others may write to", () => chmodSync(join(folder, "web.json"), 0o666), /others than its owner may write/],
  [
    "is a symbolic link",
    () => {
      renameSync(join(folder, "web.json"), join(directory, "elsewhere"));
      symlinkSync(join(directory, "elsewhere"), join(folder, "web.json"));
    },
    /symbolic link/,
  ],
  ["is not JSON", () => put("web.json", "{"), /not JSON/],
  ["names no absolute program", () => put("web.json", '{"kind":"command","command":["id"]}'), /absolute path/],
  ["has a member too many", () => put("web.json", '{"kind":"tcp","port":1,"shell":true}'), /shell/],
])("a file that %s is refused, with the reason", (_, spoil, reason) => {
  put("web.json");
  spoil();
  expect(readHostChecks(folder)).toEqual({
    checks: [],
    refused: [{ file: join(folder, "web.json"), reason: expect.stringMatching(reason) }],
  });
});

test.runIf(process.geteuid?.() === 0)(
  "a file of another user than root is refused, and a folder that others may write to as a whole",
  () => {
    put("web.json");
    chownSync(join(folder, "web.json"), 65_534, 65_534);
    expect(readHostChecks(folder).refused).toMatchObject([{ reason: "it belongs to user 65534, not to root" }]);
    put("other.json");
    chmodSync(folder, 0o777);
    expect(readHostChecks(folder)).toMatchObject({ checks: [], refused: [{ file: folder }] });
  },
);
