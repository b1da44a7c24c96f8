import { existsSync } from "node:fs";
import { join } from "node:path";
import { DelegatedEngine } from "../../../protocol/wire/host.ts";
import type { HostBasics } from "../../facts/gather.ts";
import { systemClock } from "../../system/clock.ts";
import { makePrivateDirectory } from "../../system/files.ts";
import type { Engine } from "../engine.ts";
import { findTool, hostCommands } from "./commands.ts";
import { createDelegatedEngine } from "./engine.ts";

/** By what a client is recognized: any of its tools. */
const tools: Readonly<Record<DelegatedEngine, readonly string[]>> = {
  ksplice: ["uptrack-show", "ksplice"],
  canonical: ["canonical-livepatch"],
  hotpatch: ["powershell.exe"],
};

/**
 * The engines of the other clients that this host has, or had when something was ordered of them. Nothing of a client that is not
 * here is loaded, and none is run to find out.
 */
export async function openDelegatedEngines(state: string, host: HostBasics): Promise<Engine[]> {
  const present = DelegatedEngine.options.filter(
    (engine) => tools[engine].some((tool) => findTool(tool) !== undefined) || existsSync(join(state, engine)),
  );
  return await Promise.all(present.map((engine) => openers[engine](join(state, engine), host)));
}

type Opener = (directory: string, host: HostBasics) => Promise<Engine>;
const openers: Readonly<Record<DelegatedEngine, Opener>> = {
  async ksplice(directory, host) {
    const { kspliceClient } = await import("../ksplice/client.ts");
    return createDelegatedEngine({ ...common(directory, host), client: kspliceClient(commandsIn(directory)) });
  },
  async canonical(directory, host) {
    const { canonicalClient } = await import("../canonical/client.ts");
    return createDelegatedEngine({ ...common(directory, host), client: canonicalClient(commandsIn(directory)) });
  },
  async hotpatch(directory, host) {
    const { hotpatchClient } = await import("../hotpatch/client.ts");
    return createDelegatedEngine({ ...common(directory, host), client: hotpatchClient(commandsIn(directory)) });
  },
};

function common(directory: string, host: HostBasics) {
  return { host, clock: systemClock, directory };
}

function commandsIn(directory: string) {
  makePrivateDirectory(directory);
  return hostCommands(directory);
}
