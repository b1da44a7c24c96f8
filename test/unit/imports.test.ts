import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folders = ["protocol", "functions", "cli", "agent", "infra", "bench"];
const files = folders
  .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }))
  .filter((file) => !/\.test\.tsx?$/.test(file));

type Import = { file: string; to: string; isType: boolean };
const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(/(import type [^";]*)?(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...found].map(([, type, to = ""]) => ({
    file,
    isType: type !== undefined,
    to: to.startsWith(".") ? relative(root, join(root, dirname(file), to)) : to,
  }));
});
/** What the API takes and answers: types alone, which no program carries. */
const contract = "functions/vendor-api/contract.ts";
const from = (folder: string) => imports.filter(({ file }) => file.startsWith(`${folder}/`));
const own = (to: string) => folders.some((folder) => to.startsWith(`${folder}/`)) || to.startsWith("test/");
const arrows = (list: readonly Import[]) => list.map(({ file, to }) => `${file} -> ${to}`);

describe("imports point one way", () => {
  it("there are imports to judge", () => expect(imports.length).toBeGreaterThan(100));

  it.each(["functions", "cli", "agent"])("%s imports itself and protocol, nothing else of ours", (folder) => {
    const strays = from(folder).filter(
      ({ to, isType }) =>
        own(to) && !to.startsWith(`${folder}/`) && !to.startsWith("protocol/") && !(isType && to === contract),
    );
    expect(arrows(strays)).toEqual([]);
  });

  it("the client alone knows what the service's routes are, as a type", () => {
    const known = imports.filter(({ to }) => to === contract);
    expect(known).toEqual([{ file: "cli/client.ts", to: contract, isType: true }]);
  });

  it("protocol imports nothing else of ours, no AWS and no I/O of Node's", () => {
    const io = /^node:(?:fs|http|https|net|child_process|timers|os|process)/;
    expect(
      arrows(
        from("protocol").filter(({ to }) => (own(to) && !to.startsWith("protocol/")) || io.test(to) || /aws/.test(to)),
      ),
    ).toEqual([]);
  });

  it("the domain imports protocol alone, and of Node only crypto", () => {
    const strays = from("functions/domain").filter(
      ({ to }) => !to.startsWith("functions/domain/") && !to.startsWith("protocol/") && to !== "node:crypto",
    );
    expect(arrows(strays)).toEqual([]);
  });

  it("AWS clients stay in stores, signers, suture's own signers and infra", () => {
    const strays = imports.filter(
      ({ file, to }) =>
        /^@aws-sdk\/|^aws4fetch$/.test(to) &&
        !/^(?:functions\/(?:stores|signers)|cli\/signers|infra|bench)\//.test(file),
    );
    expect(arrows(strays)).toEqual([]);
  });

  it("agent-api reaches no AWS SDK, however far its imports go", () => {
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { to } of imports.filter((each) => each.file === file)) visit(to);
    };
    for (const file of files.filter((each) => each.startsWith("functions/agent-api/"))) visit(file);
    expect([...reached].filter((to) => to.startsWith("@aws-sdk/"))).toEqual([]);
  });

  it("only protocol/trust/verify.ts knows tuf-js", () => {
    expect(new Set(imports.filter(({ to }) => to.startsWith("tuf-js")).map(({ file }) => file))).toEqual(
      new Set(["protocol/trust/verify.ts"]),
    );
  });
});
