import { createBinder } from "../../../protocol/elf/bind/binder.ts";
import {
  type FoundFunction,
  findFunction,
  jumpPlace,
  readSymbols,
  type Symbols,
} from "../../../protocol/elf/bind/functions.ts";
import { checkPayload, imageBytes, link, payloadFunction } from "../../../protocol/elf/bind/link.ts";
import { ElfFile, type ElfSymbol } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { ElfPatch } from "../engine.ts";
import { encodeHeader, headerBytes } from "./header.ts";
import { isMappedTwice } from "./image.ts";
import type { Entry, Instead, Placement } from "./journal.ts";
import { type Beneath, beneath, layersAt } from "./layers.ts";
import type { AddressRange } from "./machine.ts";
import { findRoom, type Run, runsOf, scratchBytes } from "./memory-plan.ts";
import { runsBuild } from "./modules.ts";
import { programOf, type World } from "./resolve.ts";

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
  const symbols = readSymbols(target);
  const entries = patch.variant.functions.map((named) => {
    const { parts, ...symbol } = findFunction(symbols, named, replacedNames);
    if (isMappedTwice(target.file().loaded, target.mappings, target.bias(), symbol.address)) {
      throw new SutureError(
        "unsupported",
        `the program runs a second copy of ${symbol.name}, which calls would still reach`,
      );
    }
    return { symbol, parts, replacement: named.replacement };
  });
  const headerSize = headerBytes(entries.length);
  const size = headerSize + imageBytes(payload) + scratchBytes;
  const base = place ?? findRoom(world.mappings, target.bias() + (entries[0]?.symbol.address ?? 0), size);
  const imageBase = base + headerSize;
  const { image, parts } = link(payload, imageBase, machine, createBinder(programOf(world), payload).outside);

  const checked = entries.map(({ symbol, replacement }) => ({
    symbol,
    replacement,
    ...checkedEntry(world, symbols, symbol, replaced),
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

/**
 * Where the jump of a function goes and what lies there. All that the jump takes must be what the file says, or what our patches made of
 * that. What lies behind the function's end may be a neighbour's, which another patch changes.
 */
function checkedEntry(
  world: World,
  symbols: Symbols,
  found: Omit<FoundFunction, "parts">,
  replaced: readonly Placement[],
): { at: number; beneath: Beneath } {
  const { machine, memory, target } = world;
  const { offset, bytes: original } = jumpPlace(symbols, found, machine);
  const at = target.bias() + found.address + offset;
  const now = memory.read(at - offset, original.length);
  layersAt(world, at, machine.jumpBytes).bottom.copy(now, offset);
  if (!original.equals(now)) {
    throw new SutureError(
      "blocked",
      `${found.name} is not as its file has it: another program's patch, a breakpoint or a probe is there`,
    );
  }
  return { at, beneath: beneath(world, at, machine.jumpBytes, replaced) };
}

function rangeOf(symbol: Pick<ElfSymbol, "name" | "address" | "size">, bias: number): AddressRange {
  return { name: symbol.name, start: bias + symbol.address, end: bias + symbol.address + symbol.size };
}
