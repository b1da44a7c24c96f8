import { SutureError } from "../../../protocol/errors.ts";
import type { Mapping } from "../../system/proc.ts";
import type { ElfPatch } from "../engine.ts";
import { ElfFile, type ElfSymbol, symbolType } from "./elf-file.ts";
import type { Placement } from "./journal.ts";
import { checkPayload, type ImagePart, imageBytes, link, pageBytes, pageUp, payloadFunction } from "./link.ts";
import type { AddressRange, Reader } from "./machine.ts";
import { buildIdInMemory } from "./modules.ts";
import { resolveSymbol, type World } from "./resolve.ts";

/** All that staging and applying a patch in one process takes, made without touching it. */
export type Prepared = {
  placement: Placement;
  /** what goes to `placement.base`: a header that says whose memory this is, then the linked payload */
  bytes: Buffer;
  /** parts of `bytes` by what the target may do with them */
  parts: readonly ImagePart[];
};

/** A jump reaches 2 GiB; less, so that the whole payload is within reach of every function. */
const reach = 2 ** 31 - 2 ** 27;
const lowestAddress = 0x1_0000;
const highestAddress = 0x7fff_ffff_f000;

/**
 * Makes the plan for one process: finds the functions, links the payload for a free place near them, encodes the jumps.
 * Throws `not-applicable` where the process does not run that build, `unsupported` where the patch does not fit it, `blocked`
 * where somebody else changed a function.
 */
export function preparePatch(world: World, patch: ElfPatch): Prepared {
  const { machine, memory, target } = world;
  const { buildId } = patch.variant.match;
  if (buildIdInMemory(target, memory) !== buildId) {
    throw new SutureError("not-applicable", `the process does not run build ${buildId}`);
  }
  const payload = new ElfFile(patch.payload);
  checkPayload(payload, machine);

  const entries = patch.variant.functions.map(({ name, replacement }) => ({
    ...findFunction(target.file(), name),
    replacement,
  }));
  const headerSize = headerBytes(entries.length);
  const size = headerSize + imageBytes(payload);
  const base = findRoom(world.mappings, target.bias() + (entries[0]?.symbol.address ?? 0), size);
  const imageBase = base + headerSize;
  const { image, parts } = link(
    payload,
    imageBase,
    machine,
    memoized((name) => resolveSymbol(world, name)),
  );

  const placement: Placement = {
    patch: patch.id,
    buildId,
    base,
    size,
    jumps: entries.map(({ symbol, replacement }) => {
      const entry = checkedEntry(world, symbol);
      const at = entry.address + entry.offset;
      const jump = machine.encodeJump(at, payloadFunction(payload, replacement, imageBase).start);
      if (!jump) throw new SutureError("unsupported", `${symbol.name} is out of the payload's reach`);
      const before = entry.bytes.subarray(entry.offset, entry.offset + machine.jumpBytes);
      return { function: symbol.name, at, before: before.toString("hex"), after: jump.toString("hex") };
    }),
    replaced: entries.flatMap(({ symbol, parts: pieces }) =>
      [symbol, ...pieces].map((piece) => rangeOf(piece, target.bias())),
    ),
    replacements: parts
      .filter((part) => part.executable)
      .map((part) => ({ name: patch.id, start: imageBase + part.offset, end: imageBase + part.offset + part.size })),
  };
  const bytes = Buffer.concat([encodeHeader(placement, headerSize), image]);
  const header: ImagePart = { offset: 0, size: headerSize, writable: false, executable: false };
  return {
    placement,
    bytes,
    parts: [header, ...parts.map((part) => ({ ...part, offset: part.offset + headerSize }))],
  };
}

const magic = Buffer.from("SUTURE\0\x01", "latin1");

/** The first bytes of a patch's memory: a mark, the length, and the placement as JSON. */
function encodeHeader(placement: Placement, size: number): Buffer {
  const json = Buffer.from(JSON.stringify(placement));
  const header = Buffer.alloc(size);
  if (magic.length + 4 + json.length > size) throw new SutureError("unsupported", "the functions' names are too long");
  magic.copy(header);
  header.writeUInt32LE(json.length, magic.length);
  json.copy(header, magic.length + 4);
  return header;
}

/** Whether the memory at a placement's base says that it is that placement. Throws where it cannot be read. */
export function holdsPlacement(memory: Reader, placement: Placement): boolean {
  const { patch, buildId, base, size, jumps, replaced, replacements } = placement;
  const expected = encodeHeader(
    { patch, buildId, base, size, jumps, replaced, replacements },
    headerBytes(jumps.length),
  );
  return memory.read(base, expected.length).equals(expected);
}

function headerBytes(functions: number): number {
  return pageUp(1024 + 512 * functions);
}

/** A function by its name, with the parts that the compiler moved away from it. Throws `unsupported`. */
function findFunction(file: ElfFile, name: string): { symbol: ElfSymbol; parts: ElfSymbol[] } {
  const table = file.symbols.isEmpty ? file.dynamicSymbols : file.symbols;
  const found = table.find(name).filter((symbol) => symbol.type === symbolType.function);
  const [symbol] = found;
  if (!symbol) throw new SutureError("unsupported", `the binary has no function ${name}`);
  if (found.some((other) => other.address !== symbol.address)) {
    throw new SutureError("unsupported", `the binary has more than one function ${name}`);
  }
  const derived = table.derivedFrom(name).filter((other) => other.type === symbolType.function);
  const clone = derived.find((other) => !/\.cold(?:\.\d+)?$/.test(other.name));
  if (clone) throw new SutureError("unsupported", `${clone.name} is a copy of ${name} that calls would still reach`);
  return { symbol: { ...symbol, name }, parts: derived };
}

/** A function's entry as it is in memory; it must be what the file says, and long enough to take a jump. */
function checkedEntry(world: World, symbol: ElfSymbol): { address: number; bytes: Buffer; offset: number } {
  const { machine, memory, target } = world;
  const address = target.bias() + symbol.address;
  const bytes = memory.read(address, machine.entryBytes);
  if (target.file().bytesAt(symbol.address, machine.entryBytes)?.equals(bytes) !== true) {
    throw new SutureError(
      "blocked",
      `${symbol.name} is not as its file has it: another patch, a breakpoint or a probe is there`,
    );
  }
  const offset = machine.jumpOffset(bytes);
  const end = offset + machine.jumpBytes;
  if (symbol.size < end) throw new SutureError("unsupported", `${symbol.name} is too short: ${symbol.size} bytes`);
  // the kernel writes page by page, and a death between two would leave half a jump
  if (Math.floor((address + offset) / pageBytes) !== Math.floor((address + end - 1) / pageBytes)) {
    throw new SutureError("unsupported", `the entry of ${symbol.name} lies across two pages`);
  }
  return { address, bytes, offset };
}

/**
 * The free place nearest to an address, with a free page on either side, so that no other mapping grows together with it.
 * Not where the heap or the stack would grow into it, and below rather than above, where a first heap may yet come.
 */
function findRoom(mappings: readonly Mapping[], near: number, size: number): number {
  const places: number[] = [];
  let free = lowestAddress;
  let above = "";
  for (const { start, end, path } of [...mappings, { start: highestAddress, end: highestAddress, path: "[stack]" }]) {
    if (start - free >= size + 2 * pageBytes) {
      if (path !== "[stack]") places.push(start - pageBytes - size);
      if (above !== "[heap]") places.push(free + pageBytes);
    }
    free = Math.max(free, end);
    above = path;
  }
  const distance = (place: number) => Math.max(Math.abs(place - near), Math.abs(place + size - near));
  const cost = (place: number) => distance(place) + (place > near ? reach : 0);
  const [best] = places.filter((place) => distance(place) < reach).sort((one, other) => cost(one) - cost(other));
  if (best === undefined) throw new SutureError("unsupported", "the process has no free memory near its code");
  return best;
}

function rangeOf(symbol: ElfSymbol, bias: number): AddressRange {
  return { name: symbol.name, start: bias + symbol.address, end: bias + symbol.address + symbol.size };
}

function memoized(resolve: (name: string) => number | null): (name: string) => number | null {
  const known = new Map<string, number | null>();
  return (name) => {
    const address = known.has(name) ? (known.get(name) ?? null) : resolve(name);
    known.set(name, address);
    return address;
  };
}
