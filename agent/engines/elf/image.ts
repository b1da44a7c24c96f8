import type { Segment } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { Mapping } from "../../system/mappings.ts";

/**
 * Where a file's image lies in a process: what is added to an address of the file to get one of the process, and the mappings that hold its
 * code. Those are the file's or, where a program has put its code on memory of its own (huge pages), the memory at the same addresses.
 *
 * @param parts the mappings of the file
 * @param code all mappings of the process that hold code
 * Throws `unsupported` where the code is nowhere, or the file is mapped more than once.
 * @see elf(5), PT_LOAD
 */
export function placeOf(
  loaded: readonly Segment[],
  parts: readonly Mapping[],
  code: readonly Mapping[],
): { bias: number; code: readonly Mapping[] } {
  const own = parts.filter(isCode);
  const byCode = own.length > 0 ? biasesOf(loaded, own) : new Set<number>();
  // a program may have mapped a part of its code once more, as V8 does: the image is where all of it is
  const isWhole = (each: number) => coverOf(loaded, each, code) !== null;
  const biases =
    byCode.size === 1 ? [...byCode] : [...(byCode.size > 1 ? byCode : biasesOf(loaded, parts))].filter(isWhole);
  const [bias, ...others] = biases;
  if (bias === undefined) throw new SutureError("unsupported", "the file's code is not mapped as its segments say");
  if (others.length > 0) throw new SutureError("unsupported", "the file is mapped more than once in the process");
  const cover = coverOf(loaded, bias, code) ?? [];
  return { bias, code: cover.length > 0 ? cover : own };
}

/** Whether the code at an address of a file lies at a second place in the process, too, where a jump at the first is not met. */
export function isMappedTwice(
  loaded: readonly Segment[],
  parts: readonly Mapping[],
  bias: number,
  address: number,
): boolean {
  const holder = loaded.find((part) => address >= part.address && address < part.address + part.fileSize);
  if (!holder) return false;
  const offset = holder.offset + address - holder.address;
  return parts.some((part) => {
    const isThere =
      isCode(part) && isOfFile(part) && offset >= part.offset && offset < part.offset + part.end - part.start;
    return isThere && part.start + offset - part.offset !== bias + address;
  });
}

/** Whether the mapping holds code that can run. */
export function isCode(mapping: Mapping): boolean {
  return mapping.permissions[2] === "x";
}

/**
 * The mappings of files of whose code none is mapped, in groups by file, where code of no file lies right before or behind one of them: a
 * program that has moved its code looks so, and one that compiles its code as it runs may.
 */
export function filesWithoutCode(mappings: readonly Mapping[]): Mapping[][] {
  const isMoved = (mapping: Mapping | undefined) =>
    mapping !== undefined && isCode(mapping) && (mapping.isAnonymous ? !mapping.path.startsWith("[v") : true);
  const withCode = new Set(mappings.filter(isCode).map(fileOf));
  const beside = mappings.filter(
    (mapping, index) => isOfFile(mapping) && (isMoved(mappings[index - 1]) || isMoved(mappings[index + 1])),
  );
  const files = new Set(beside.map(fileOf).filter((file) => !withCode.has(file)));
  const groups = Map.groupBy(
    mappings.filter((mapping) => files.has(fileOf(mapping))),
    fileOf,
  );
  return [...groups.values()];
}

/** Whether a file with a name is behind a mapping. */
export function isOfFile(mapping: Mapping): boolean {
  return !mapping.isAnonymous && mapping.path.startsWith("/");
}

/** Which file is behind a mapping. The path counts, for file systems in layers give files of two the same numbers. */
export function fileOf({ file, path }: Mapping): string {
  return `${file} ${path}`;
}

/** What each mapping would be the image's place by, if it were of the segment that it begins in. */
function biasesOf(loaded: readonly Segment[], parts: readonly Mapping[]): Set<number> {
  const biases = new Set<number>();
  for (const part of parts) {
    for (const segment of loaded) {
      const start = pageDown(segment.offset);
      if (segment.executable !== isCode(part) || part.offset < start) continue;
      if (part.offset >= segment.offset + segment.fileSize) continue;
      biases.add(part.start - (part.offset - start) - pageDown(segment.address));
    }
  }
  return biases;
}

/** The mappings that hold the code of an image that lies at a place; null where a part of it is no code. */
function coverOf(loaded: readonly Segment[], bias: number, code: readonly Mapping[]): Mapping[] | null {
  const cover = new Set<Mapping>();
  for (const segment of loaded.filter(({ executable }) => executable)) {
    const end = bias + segment.address + segment.fileSize;
    for (let at = bias + segment.address; at < end; ) {
      const holder = code.find((mapping) => at >= mapping.start && at < mapping.end);
      if (!holder) return null;
      cover.add(holder);
      at = holder.end;
    }
  }
  return cover.size > 0 ? [...cover] : null;
}

function pageDown(value: number): number {
  return Math.floor(value / 4096) * 4096;
}
