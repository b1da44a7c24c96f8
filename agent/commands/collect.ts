import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { type ConfigSources, readConfig } from "../config/read.ts";
import { archiveOf } from "../support/archive.ts";
import { supportFiles } from "../support/contents.ts";
import { writeNewDurably } from "../system/files.ts";
import { showConfig } from "./config.ts";
import { doctor } from "./doctor.ts";
import { history } from "./history.ts";
import type { Result } from "./output.ts";
import { status } from "./status.ts";

/**
 * `suture-agent collect`: writes a support archive (tar, gzip) of what whoever helps wants to see, with everything secret removed. It
 * is sent to nobody.
 * @throws SutureError `already-exists` where the file is there
 */
export async function collect({ sources, output }: { sources: ConfigSources; output?: string }): Promise<Result> {
  const read = await readConfig(sources);
  const { config } = read;
  const day = new Date().toISOString().slice(0, 19).replaceAll(":", "");
  const file = resolve(output ?? `suture-support-${hostname()}-${day}.tar.gz`);
  // before the work is done; what comes to be there meanwhile is not overwritten either
  if (existsSync(file)) throw new SutureError("already-exists", `${file} exists already`);
  const files = await supportFiles(read, {
    "status.json": () => status({ config }),
    "doctor.json": () => doctor({ sources }),
    "history.json": () => history({ config }),
    "config.json": () => showConfig(sources),
  });
  writeNewDurably(file, archiveOf(files));
  const names = [...files.keys()];
  return {
    json: { file, files: names },
    text: `${file}: ${names.length} files, without keys, tokens and passwords. Look into it before you give it away:\n  tar tzf ${file}`,
  };
}
