import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { mendSignatures } from "../engines/klp/support.ts";
import { loadEngines } from "../open.ts";
import type { Check } from "./check.ts";

/** Whether an engine works here. Without a state directory they look on from a passing one: a check leaves nothing behind. */
export async function engineChecks(state: string): Promise<Check[]> {
  if (existsSync(state)) return await detectAll(state);
  const passing = mkdtempSync(join(tmpdir(), "suture-preflight-"));
  try {
    return await detectAll(passing);
  } finally {
    rmSync(passing, { recursive: true });
  }
}

/** A host needs one engine that works: most have no use for every one. */
async function detectAll(state: string): Promise<Check[]> {
  const engines = await loadEngines(state);
  const found = await Promise.all(
    [...engines.values()].map(async (engine) => ({ engine, ...(await engine.detect()) })),
  );
  const optional = found.some(({ supported }) => supported);
  return found.flatMap(({ engine, supported, reason, facts }): Check[] => {
    const detail = supported ? `works here; ${workOf(facts)}` : reason;
    const check: Check = { name: `engine ${engine.name}`, ok: supported, detail, optional };
    return supported && facts.livepatch?.signatures === "required" ? [check, signaturesCheck()] : [check];
  });
}

function workOf({ builds, livepatch, clients }: Partial<HostFacts>): string {
  if (clients !== undefined) return clients.map(({ level, detail }) => `${level ?? "nothing"} is in; ${detail}`).join();
  if (livepatch === undefined) return `${builds?.length ?? 0} builds run`;
  const others = livepatch.loaded.filter(({ patch }) => patch === null).map(({ module }) => module);
  const ours = livepatch.loaded.length - others.length;
  return `${ours} livepatches are ours${others.length === 0 ? "" : `, left alone: ${others.join(", ")}`}`;
}

/** No fault of the host: it says what a vendor's module must bring along. */
function signaturesCheck(): Check {
  const detail = "this kernel takes signed modules only";
  return { name: "signatures", ok: true, detail, mend: `For each vendor: ${mendSignatures}.` };
}
