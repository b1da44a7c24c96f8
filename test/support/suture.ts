import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { runSuture } from "../../cli/program.ts";
import { startVendorService } from "./vendor-service.ts";

/** Runs `suture` in this process; its exit code and what it wrote. */
export async function runRecorded(
  args: readonly string[],
  options: Pick<Parameters<typeof runSuture>[1], "env" | "home" | "watched">,
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runSuture(args, {
    ...options,
    now: () => new Date(),
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

/** `suture` with a home of its own, before a vendor-api of its own. */
export async function startSuture() {
  const service = await startVendorService();
  const home = await mkdtemp(join(tmpdir(), "suture-home-"));
  let number = 0;

  const newName = (kind: string) => `${kind}-${++number}`;

  /** Runs the program with --json; its exit code and the one object that it printed. */
  async function suture(args: string[], env: Record<string, string> = { SUTURE_TOKEN: service.operator }) {
    const { code, out } = await run([...args, "--json"], env);
    return { code, answer: JSON.parse(out) };
  }

  /** The command's answer; it succeeded. */
  async function done(args: string[], env?: Record<string, string>) {
    const { code, answer } = await suture(args, env);
    expect(answer.error, args.join(" ")).toBeUndefined();
    expect(code).toBe(0);
    return answer;
  }

  const run = (args: string[], env: Record<string, string>, watched = false) =>
    runRecorded(args, { env: { SUTURE_SERVICE: service.url, ...env }, home, watched });

  /** The path of a new file. */
  async function fileOf(content: string): Promise<string> {
    const path = join(home, newName("file"));
    await writeFile(path, content);
    return path;
  }

  /** A vendor made by `suture vendor init`, with its keys under the home. */
  async function newVendor() {
    const vendor = newName("acme");
    expect(await suture(["vendor", "init", vendor, "--product", "echod"])).toMatchObject({ code: 0 });
    const publish = (folder: string, ...rest: string[]) => suture(["publish", folder, "--vendor", vendor, ...rest], {});
    return { vendor, keys: join(home, ".config/suture", vendor), publish };
  }

  /** A patch folder of its own, whose payload is an ELF file that every machine has. */
  async function patchFolder(changes: object = {}, text?: string) {
    const folder = await mkdtemp(join(home, "patch-"));
    await copyFile("/bin/true", join(folder, "fix.so"));
    const source = {
      product: "echod",
      patch: "bounds-check",
      version: 1,
      title: "Check the length",
      severity: "high",
      variants: [
        {
          engine: "elf",
          payload: "fix.so",
          match: { buildId: "ab".repeat(20) },
          functions: [{ name: "echo", replacement: "exit" }],
        },
      ],
      ...changes,
    };
    await writeFile(join(folder, "patch.json"), text ?? JSON.stringify(source));
    return { folder, source };
  }

  return {
    service,
    home,
    newName,
    suture,
    done,
    run,
    fileOf,
    newVendor,
    patchFolder,
    async stop() {
      await service.stop();
      await rm(home, { recursive: true });
    },
  };
}
