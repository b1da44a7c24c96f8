// Runs a stand-in as a program: `executable.ts CLIENT STATE-FILE TOOL ARGS…`. As a module it writes such programs into a folder.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalStandIn } from "./canonical.ts";
import { hotpatchStandIn } from "./hotpatch.ts";
import { kspliceStandIn } from "./ksplice.ts";
import type { StandIn } from "./stand-in.ts";

const standIns = { ksplice: kspliceStandIn, canonical: canonicalStandIn, hotpatch: hotpatchStandIn };

/** Writes a client's tools into a folder, and its state beside them. The answer changes the state that they find. */
export function installStandIn(client: keyof typeof standIns, folder: string): (trouble: string) => void {
  const state = join(folder, `${client}.json`);
  const { tools, initial } = standIns[client];
  writeFileSync(state, JSON.stringify(initial));
  for (const tool of tools) {
    const words = [process.execPath, fileURLToPath(import.meta.url), client, state, tool].map((word) => `'${word}'`);
    writeFileSync(join(folder, tool), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    chmodSync(join(folder, tool), 0o755);
  }
  return (trouble) => writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, "utf8")), trouble }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [client = "", file = "", tool = "", ...args] = process.argv.slice(2);
  run(standIns[client as keyof typeof standIns] as StandIn<{ trouble: string }>, file, tool, args);
}

function run<S extends { trouble: string }>(standIn: StandIn<S>, file: string, tool: string, args: string[]): void {
  const state: S = JSON.parse(readFileSync(file, "utf8"));
  const answer = standIn.run(state, tool, args);
  writeFileSync(file, JSON.stringify(state));
  if (answer === "hang") {
    setInterval(() => {}, 1_000);
    return;
  }
  process.stdout.write(answer.stdout ?? "");
  process.stderr.write(answer.stderr ?? "");
  process.exitCode = answer.code;
}
