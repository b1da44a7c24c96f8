import { existsSync } from "node:fs";
import { join } from "node:path";
import { DelegatedEngine } from "../../../protocol/wire/host.ts";
import type { HostBasics } from "../../facts/gather.ts";
import { systemClock } from "../../system/clock.ts";
import type { Engine } from "../engine.ts";
import type { Client } from "./client.ts";
import { type Commands, findTool, hostCommands } from "./commands.ts";
import { createDelegatedEngine } from "./engine.ts";

/** By what a client is recognized: any of its tools. */
const tools: Readonly<Record<DelegatedEngine, readonly string[]>> = {
  ksplice: ["uptrack-show", "ksplice"],
  canonical: ["canonical-livepatch"],
  hotpatch: ["powershell.exe"],
};

/** Each is loaded only when it is used. */
const clients: Readonly<Record<DelegatedEngine, (commands: Commands) => Promise<Client>>> = {
  ksplice: async (commands) => (await import("../ksplice/client.ts")).kspliceClient(commands),
  canonical: async (commands) => (await import("../canonical/client.ts")).canonicalClient(commands),
  hotpatch: async (commands) => (await import("../hotpatch/client.ts")).hotpatchClient(commands),
};

/**
 * The engines of the other clients that this host has, or had when something was ordered of them. None is run to find out.
 * @param state where each keeps its records, in a folder of its own
 */
export async function openDelegatedEngines(state: string, host: HostBasics): Promise<Engine[]> {
  const present = DelegatedEngine.options.filter(
    (name) => isHere(name, (tool) => findTool(tool) !== undefined) || existsSync(join(state, name)),
  );
  return await Promise.all(
    present.map(async (name) => {
      const directory = join(state, name);
      const client = await clients[name](hostCommands(directory));
      return createDelegatedEngine({ client, host, clock: systemClock, directory });
    }),
  );
}

/** The other clients that this host has now, on these commands. */
export async function openClients(commands: Commands): Promise<Client[]> {
  const present = DelegatedEngine.options.filter((name) => isHere(name, (tool) => commands.has(tool)));
  return await Promise.all(present.map((name) => clients[name](commands)));
}

function isHere(engine: DelegatedEngine, has: (tool: string) => boolean): boolean {
  return tools[engine].some(has);
}
