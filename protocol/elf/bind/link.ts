import { SutureError } from "../../errors.ts";
import { absoluteSection, type ElfFile, type ElfSymbol, segmentType, symbolType } from "../elf-file.ts";
import type { Processor } from "./processor.ts";

export const pageBytes = 4096;
/** A payload that wants more memory than this in the target is refused. */
const maxImageBytes = 64 * 1024 * 1024;

/** Part of a linked payload: offset and size in bytes, whole pages, and what the target may do with it. */
export type ImagePart = { offset: number; size: number; writable: boolean; executable: boolean };

/**
 * Refuses a payload that needs more than to be copied: another processor, thread-local variables, code to run at load time.
 * Throws `unsupported` with the reason.
 */
export function checkPayload(payload: ElfFile, processor: Processor): void {
  const refuse = (reason: string) => new SutureError("unsupported", `the payload ${reason}`);
  if (payload.machine !== processor.elfMachine) throw refuse("is for another processor");
  if (payload.segments.some((segment) => segment.type === segmentType.threadLocal))
    throw refuse("has thread-local variables");
  if (payload.hasInitializers) throw refuse("has constructors; link it with -nostdlib");
  if (payload.hasPackedRelocations) throw refuse("has packed relocations; link it with -z nopack-relative-relocs");
  if (payload.loaded.some((segment) => segment.writable && segment.executable)) throw refuse("has writable code");
  if (imageBytes(payload) > maxImageBytes) throw refuse("wants more than 64 MiB of memory");
  const parts = partsOf(payload).sort((one, other) => one.offset - other.offset);
  if (parts.some((part, index) => index > 0 && part.offset < endOf(parts[index - 1]))) {
    throw refuse("has segments that share a page; link it with -z separate-code");
  }
}

/** How much memory a payload takes, in bytes, whole pages. Throws `unsupported`. */
export function imageBytes(payload: ElfFile): number {
  const size = Math.max(0, ...payload.loaded.map((segment) => segment.address + segment.memorySize));
  if (size === 0) throw new SutureError("unsupported", "the payload has nothing to load");
  return pageUp(size);
}

/**
 * Links a payload for a place in a process: its image, with every reference bound.
 *
 * @param base the address that the payload's address 0 gets
 * @param outside the address of a symbol that the payload does not define; null where nothing defines it
 * Throws `unsupported` for an unknown name or a kind of relocation that needs more than an address.
 */
export function link(
  payload: ElfFile,
  base: number,
  processor: Processor,
  outside: (symbol: ElfSymbol) => number | null,
): { image: Buffer; parts: ImagePart[] } {
  const image = Buffer.alloc(imageBytes(payload));
  for (const segment of payload.loaded) {
    const bytes = payload.bytesAt(segment.address, segment.fileSize);
    if (!bytes || segment.fileSize > segment.memorySize) {
      throw new SutureError("unsupported", "the payload is damaged: a segment reaches past its end");
    }
    bytes.copy(image, segment.address);
  }
  for (const relocation of payload.relocations()) {
    const kind = processor.relocation(relocation.type);
    const isShort = kind === "short" || kind === "distance";
    if (kind === "unsupported" || kind === "resolver" || relocation.address + (isShort ? 4 : 8) > image.length) {
      throw new SutureError(
        "unsupported",
        `the payload has a relocation of type ${relocation.type}, which cannot be bound`,
      );
    }
    let value = BigInt(base);
    if (kind !== "base+addend") value = BigInt(addressOf(payload.dynamicSymbols.at(relocation.symbol), base, outside));
    if (kind !== "symbol") value += relocation.addend;
    if (kind === "distance") value -= BigInt(base + relocation.address);
    if (!isShort) image.writeBigUInt64LE(BigInt.asUintN(64, value), relocation.address);
    else if (BigInt.asIntN(32, value) === value) image.writeInt32LE(Number(value), relocation.address);
    else throw new SutureError("unsupported", "the payload refers to something that is out of its reach");
  }
  return { image, parts: partsOf(payload) };
}

/** Where a function of the payload lies once the payload is at `base`. Throws `unsupported` where it has no such function. */
export function payloadFunction(
  payload: ElfFile,
  name: string,
  base: number,
): { name: string; start: number; end: number } {
  const symbol = payload.dynamicSymbols.find(name).find((found) => found.type === symbolType.function);
  const holder = payload.loaded.find((part) => part.executable && isInside(symbol, part.address, part.memorySize));
  if (!symbol || !holder) throw new SutureError("unsupported", `the payload exports no function ${name}`);
  return { name, start: base + symbol.address, end: base + symbol.address + symbol.size };
}

export function pageUp(size: number): number {
  return Math.ceil(size / pageBytes) * pageBytes;
}

function addressOf(symbol: ElfSymbol, base: number, outside: (symbol: ElfSymbol) => number | null): number {
  if (symbol.type === symbolType.threadLocal || symbol.type === symbolType.indirectFunction) {
    throw new SutureError("unsupported", `the payload's ${symbol.name} is thread-local or an indirect function`);
  }
  if (symbol.defined && symbol.section !== absoluteSection) return base + symbol.address;
  const address = outside(symbol);
  if (address !== null) return address;
  if (symbol.weak) return 0;
  throw new SutureError("unsupported", `nothing in the process defines ${symbol.name}, which the payload uses`);
}

function endOf(part: ImagePart | undefined): number {
  return part ? part.offset + part.size : 0;
}

function partsOf(payload: ElfFile): ImagePart[] {
  return payload.loaded.map((segment) => {
    const offset = Math.floor(segment.address / pageBytes) * pageBytes;
    const size = pageUp(segment.address + segment.memorySize) - offset;
    return { offset, size, writable: segment.writable, executable: segment.executable };
  });
}

function isInside(symbol: ElfSymbol | undefined, start: number, size: number): boolean {
  return symbol !== undefined && symbol.address >= start && symbol.address + symbol.size <= start + size;
}
