import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readPatchFolder } from "./patch-folder.ts";

let top: string;
let folder: string;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "suture-folder-"));
  folder = join(top, "patch");
  await mkdir(folder);
  await copyFile("/bin/true", join(folder, "fix.so"));
  await copyFile("/bin/true", join(top, "private.so"));
  await symlink("fix.so", join(folder, "inside.so"));
  await symlink(join(top, "private.so"), join(folder, "outside.so"));
  await symlink("..", join(folder, "up"));
  execFileSync("mkfifo", [join(folder, "pipe.so")]);
});
afterAll(() => rm(top, { recursive: true }));

async function read(payload: string, match: object) {
  const variant = { engine: "elf", functions: [{ name: "f", replacement: "main" }], match, payload };
  const patch = { product: "p", patch: "fix", version: 1, title: "t", severity: "low", variants: [variant] };
  await writeFile(join(folder, "patch.json"), JSON.stringify(patch));
  return await readPatchFolder(folder, "edge");
}
const build = { buildId: "0".repeat(40) };

it("a payload whose path leads out of the patch's folder is refused, however it gets out, and nothing of it is published", async () => {
  for (const payload of ["../private.so", "outside.so", "up/private.so"]) {
    await expect(read(payload, build), payload).rejects.toThrow(/leads out of the patch's folder/);
  }
});

it("a link that stays in the folder is followed", async () => {
  expect((await read("inside.so", build)).manifest).toMatchObject({ variants: [{ match: build }] });
});

it("a FIFO is refused, never waited for: as payload, as the target, as patch.json", async () => {
  await expect(read("pipe.so", build)).rejects.toThrow(/pipe\.so cannot be read.*not a regular file/);
  await expect(read("fix.so", { binary: "pipe.so" })).rejects.toMatchObject({ code: "invalid-patch" });
  const other = join(top, "other");
  await mkdir(other);
  execFileSync("mkfifo", [join(other, "patch.json")]);
  await expect(readPatchFolder(other, "edge")).rejects.toMatchObject({ code: "invalid-patch" });
});
