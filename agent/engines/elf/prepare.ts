import { absoluteSection, ElfFile, type ElfSymbol, symbolType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { ElfPatch } from "../engine.ts";
import { encodeHeader, headerBytes } from "./header.ts";
import type { Entry, Instead, Placement } from "./journal.ts";
import { type Beneath, beneath, layersAt } from "./layers.ts";
import { checkPayload, imageBytes, link, pageBytes, payloadFunction } from "./link.ts";
import type { AddressRange } from "./machine.ts";
import { findRoom, type Run, runsOf, scratchBytes } from "./memory-plan.ts";
import { type Module, runsBuild } from "./modules.ts";
import { resolveSymbol, type World } from "./resolve.ts";

/** All that staging and applying a patch in one process takes, made without touching it. */
export type Prepared = {
  placement: Placement;
  /** what goes to `placement.base`: a header that says whose memory this is, then the linked payload */
  bytes: Buffer;
  /** parts of the memory, which together are all of it, by what the target may do with them */
  runs: readonly Run[];
  /** absent where it takes no other patch's place */
  instead: Instead | undefined;
};

/**
 * Makes the plan for one process: finds the functions, links the payload for a free place near them, encodes the jumps.
 * `replaced` are the patches that are in this process and whose place it takes; `place` is where its memory is to be, which it finds itself
 * where that is absent. Throws `not-applicable` where the process does not run that build, `unsupported` where the patch does not fit it, `blocked`
 * where somebody else changed a function.
 */
export function preparePatch(world: World, patch: ElfPatch, replaced: readonly Placement[], place?: number): Prepared {
  const { machine, memory, target } = world;
  const { buildId } = patch.variant.match;
  if (!runsBuild(target, memory, buildId)) {
    throw new SutureError("not-applicable", `the process does not run build ${buildId}`);
  }
  const payload = new ElfFile(patch.payload);
  checkPayload(payload, machine);

  const replacedNames = new Set(patch.variant.functions.map(({ name }) => name));
  const entries = patch.variant.functions.map(({ name, replacement }) => ({
    ...findFunction(target, name, replacedNames),
    replacement,
  }));
  const headerSize = headerBytes(entries.length);
  const size = headerSize + imageBytes(payload) + scratchBytes;
  const base = place ?? findRoom(world.mappings, target.bias() + (entries[0]?.symbol.address ?? 0), size);
  const imageBase = base + headerSize;
  const { image, parts } = link(payload, imageBase, machine, outsideOf(world));

  const checked = entries.map(({ symbol, replacement }) => ({
    symbol,
    replacement,
    ...checkedEntry(world, symbol, replaced),
  }));
  const placement: Placement = {
    patch: patch.id,
    buildId,
    base,
    size,
    jumps: checked.map(({ symbol, replacement, ...entry }) => {
      const { at } = entry;
      const jump = machine.encodeJump(at, payloadFunction(payload, replacement, imageBase).start);
      if (!jump) throw new SutureError("unsupported", `${symbol.name} is out of the payload's reach`);
      return {
        function: symbol.name,
        at,
        before: entry.beneath.bytes.toString("hex"),
        after: jump.toString("hex"),
      };
    }),
    replaced: [
      ...entries.flatMap(({ symbol, parts: pieces }) =>
        [symbol, ...pieces].map((piece) => rangeOf(piece, target.bias())),
      ),
      ...codeOf([...replaced, ...checked.flatMap(({ beneath: { patches } }) => patches.slice(0, 1))]),
    ],
    replacements: parts
      .filter((part) => part.executable)
      .map((part) => ({ name: patch.id, start: imageBase + part.offset, end: imageBase + part.offset + part.size })),
  };
  const bytes = Buffer.concat([encodeHeader(placement, headerSize), image]);
  return {
    placement,
    bytes,
    runs: runsOf(parts, headerSize, size),
    instead: replaced.length > 0 ? insteadOf(world, placement, replaced) : undefined,
  };
}

/** What it takes to go in for other patches in one step, and to give them their place back. Throws `blocked`. */
function insteadOf(world: World, placement: Placement, replaced: readonly Placement[]): Instead {
  const own = new Set(placement.jumps.map(({ at }) => at));
  const others = new Map(replaced.flatMap(({ jumps }) => jumps.map((jump) => [jump.at, jump])));
  const entry = ({ function: name, at }: Entry, after?: string): Entry => {
    const { now, bytes } = beneath(world, at, world.machine.jumpBytes, replaced);
    return { function: name, at, before: now.toString("hex"), after: after ?? bytes.toString("hex") };
  };
  return {
    patches: replaced.map(({ patch }) => patch),
    entries: [
      ...placement.jumps.map((jump) => entry(jump, jump.after)),
      ...[...others.values()].filter(({ at }) => !own.has(at)).map((jump) => entry(jump)),
    ],
    replaced: replaced.flatMap((each) => each.replaced),
  };
}

/** The code of patches, each once. */
function codeOf(patches: readonly Placement[]): AddressRange[] {
  return [
    ...new Map(patches.flatMap(({ replacements }) => replacements.map((range) => [range.start, range]))).values(),
  ];
}

/** A function by its name, with the parts that the compiler moved away from it. Throws `unsupported`. */
function findFunction(
  module: Module,
  name: string,
  replacedNames: ReadonlySet<string>,
): { symbol: ElfSymbol; parts: ElfSymbol[] } {
  // what a program carries within it leaves out what it exports
  const tables = [module.symbols(), module.file().dynamicSymbols];
  const found = tables.flatMap((table) => table.find(name)).filter((symbol) => symbol.type === symbolType.function);
  const [symbol] = found;
  if (!symbol) throw new SutureError("unsupported", `the binary has no function ${name}`);
  if (found.some((other) => other.address !== symbol.address)) {
    throw new SutureError("unsupported", `the binary has more than one function ${name}`);
  }
  const derived = tables
    .flatMap((table) => table.derivedFrom(name))
    .filter((other) => other.type === symbolType.function);
  const isCold = (other: ElfSymbol) => /\.cold(?:\.\d+)?$/.test(other.name);
  const clone = derived.find((other) => !isCold(other) && !replacedNames.has(other.name));
  if (clone) throw new SutureError("unsupported", `${clone.name} is a copy of ${name} that calls would still reach`);
  return { symbol: { ...symbol, name }, parts: derived.filter(isCold) };
}

/**
 * Where the jump of a function goes and what lies there. Its entry must be what the file says, or what our patches made of that, and
 * long enough to take a jump.
 */
function checkedEntry(
  world: World,
  symbol: ElfSymbol,
  replaced: readonly Placement[],
): { at: number; beneath: Beneath } {
  const { machine, memory, target } = world;
  const address = target.bias() + symbol.address;
  const bytes = memory.read(address, machine.entryBytes);
  const original = target.file().bytesAt(symbol.address, machine.entryBytes);
  const offset = machine.jumpOffset(bytes);
  const at = address + offset;
  const { bottom } = layersAt(world, at, machine.jumpBytes);
  const beneathAll = Buffer.from(bytes);
  bottom.copy(beneathAll, offset);
  if (original?.equals(beneathAll) !== true) {
    throw new SutureError(
      "blocked",
      `${symbol.name} is not as its file has it: another program's patch, a breakpoint or a probe is there`,
    );
  }
  const end = offset + machine.jumpBytes;
  if (symbol.size < end) throw new SutureError("unsupported", `${symbol.name} is too short: ${symbol.size} bytes`);
  // the kernel writes page by page, and a death between two would leave half a jump
  if (Math.floor(at / pageBytes) !== Math.floor((address + end - 1) / pageBytes)) {
    throw new SutureError("unsupported", `the entry of ${symbol.name} lies across two pages`);
  }
  return { at, beneath: beneath(world, at, machine.jumpBytes, replaced) };
}

function rangeOf(symbol: ElfSymbol, bias: number): AddressRange {
  return { name: symbol.name, start: bias + symbol.address, end: bias + symbol.address + symbol.size };
}

/**
 * Finds what a payload does not define: by name, or by its address in the target's file, which the build-id makes certain and for
 * which the payload has an absolute symbol.
 */
function outsideOf(world: World): (symbol: ElfSymbol) => number | null {
  const known = new Map<string, number | null>();
  return ({ name, section, address }) => {
    if (section === absoluteSection) return world.target.bias() + address;
    const found = known.has(name) ? (known.get(name) ?? null) : resolveSymbol(world, name);
    known.set(name, found);
    return found;
  };
}
