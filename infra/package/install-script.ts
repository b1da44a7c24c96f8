import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Signer } from "../../protocol/trust/signer.ts";

const template = join(import.meta.dirname, "../../agent/package/install.sh");

/** Writes install.sh into the packages' folder: for one version, from one place, verified against the key that signs there. */
export async function writeInstallScript(
  out: string,
  { version, from, signer }: { version: string; from: string; signer: Signer },
): Promise<void> {
  const values: Readonly<Record<string, string>> = { version, from, key: signer.key.keyval.public.trim() };
  for (const value of [version, from])
    if (!/^[\w.:/~-]*$/.test(value)) throw new Error(`${value} cannot stand in a shell script`);
  const text = (await readFile(template, "utf8")).replaceAll(/@(\w+)@/g, (all, name: string) => values[name] ?? all);
  await writeFile(join(out, "install.sh"), text, { mode: 0o755 });
}
