import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { zipFolder } from "./zip.ts";

test("a folder is zipped to the same bytes whenever its files were written, and Python's zipfile takes it as whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "suture-zip-"));
  try {
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "inner"), { recursive: true });
    writeFileSync(join(tree, "b.txt"), "b".repeat(10_000));
    writeFileSync(join(tree, "inner/ä.bin"), Buffer.from([0, 255, 0]));
    const once = await zipFolder(tree, 1_800_000_000);
    utimesSync(join(tree, "b.txt"), 1, 1);
    expect((await zipFolder(tree, 1_800_000_000)).equals(once)).toBe(true);
    writeFileSync(join(folder, "a.zip"), once);
    const program = `import zipfile
z = zipfile.ZipFile("a.zip")
print(z.testzip(), [(i.filename, i.file_size, i.date_time) for i in z.infolist()])
z.extractall("out")`;
    expect(execFileSync("python3", ["-c", program], { cwd: folder, encoding: "utf8" })).toBe(
      "None [('b.txt', 10000, (2027, 1, 15, 8, 0, 0)), ('inner/ä.bin', 3, (2027, 1, 15, 8, 0, 0))]\n",
    );
    expect(readFileSync(join(folder, "out/inner/ä.bin"))).toEqual(Buffer.from([0, 255, 0]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
