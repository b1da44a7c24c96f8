import type { ElfPatch } from "../engine.ts";
import { isOwnDomain } from "./domains.ts";
import { type ProcessId, withMemory } from "./memory.ts";
import { isCode, type Module, readModules } from "./modules.ts";
import { isGood, isSkipped, type Judged } from "./outcomes.ts";
import type { Tools } from "./process.ts";

/** Of each function so many bytes are compared. */
const maxCompared = 65_536;

/**
 * A build-id is public, and anybody can link a program with it. What could not be patched and does not hold the functions that the patch is
 * for is not the build: it is told so, and counts as nothing. To say that takes a process of the agent's own trust domain that could be
 * patched: no other is believed.
 */
export function withoutOtherBuilds(tools: Tools, patch: ElfPatch, judged: readonly Judged[]): Judged[] {
  const genuine = judged.find(({ domain, outcome }) => isGood(outcome) && isOwnDomain(domain));
  if (genuine === undefined || !judged.some(({ outcome }) => isSkipped(outcome))) return [...judged];
  return judged.map((each) => {
    const isOther =
      isSkipped(each.outcome) &&
      !isOwnDomain(each.domain) &&
      isWithoutFunctions(tools, patch, each.process, genuine.process);
    const detail = "not this build: other code is where the patch's functions would be";
    return isOther ? { ...each, outcome: { ...each.outcome, code: "not-applicable", detail } } : each;
  });
}

/** Whether most bytes of the patch's functions are others in a process than in a genuine one's file. False where that cannot be told. */
function isWithoutFunctions(tools: Tools, patch: ElfPatch, suspect: ProcessId, genuine: ProcessId): boolean {
  try {
    const module = moduleOf(tools, patch, genuine);
    const mapping = moduleOf(tools, patch, suspect)?.mappings.find(isCode);
    const segment = module?.file().loaded.find(({ executable }) => executable);
    if (module === undefined || mapping === undefined || segment === undefined) return false;
    const bias = mapping.start - mapping.offset - (segment.address - segment.offset);
    let [compared, equal] = [0, 0];
    withMemory(suspect, (memory) => {
      for (const { name } of patch.variant.functions) {
        const symbol = module.symbols().find(name)[0] ?? module.file().dynamicSymbols.find(name)[0];
        if (symbol === undefined) continue;
        const size = Math.min(symbol.size, maxCompared);
        const expected = module.file().bytesAt(symbol.address, size);
        const at = bias + symbol.address;
        const isMapped = at >= mapping.start && at + size <= mapping.end;
        const found = isMapped ? memory.read(at, size) : Buffer.alloc(0);
        compared += size;
        equal += expected?.filter((byte, index) => byte === found[index]).length ?? size;
      }
    });
    return compared > 0 && 2 * equal < compared;
  } catch {
    // What its user does to hide it is no proof of anything: it stays counted as one that lacks the patch
    return false;
  }
}

function moduleOf(tools: Tools, patch: ElfPatch, { pid }: ProcessId): Module | undefined {
  const { buildId } = patch.variant.match;
  return readModules(pid, tools.files).modules.find(({ mappings }) =>
    mappings.some((mapping) => isCode(mapping) && tools.scanner.isBuild(pid, mapping, buildId)),
  );
}
