import { readFile } from "node:fs/promises";
import { join } from "node:path";

const sources = join(import.meta.dirname, "../../agent/package");

/** A moment in a package's life at which something is to be done on the host. */
export type Moment = "after-install" | "before-remove" | "after-purge";

/**
 * The script of a moment, as a format wants it.
 * @param preamble shell that ends the script where the format calls it for something else, and otherwise sets `$1` as ours want it
 */
export async function scriptAt(moment: Moment, preamble: string): Promise<string> {
  const [shebang, ...lines] = (await readFile(join(sources, `${moment}.sh`), "utf8")).split("\n");
  return [shebang, preamble, ...lines].join("\n");
}
