import type { ElfFile } from "./elf-file.ts";
import { nameIn } from "./versions.ts";

/** What a file tells the dynamic linker (PT_DYNAMIC). */
export type Dynamic = {
  /** the names of the libraries that it needs, in order */
  needed: readonly string[];
  /** the name by which others need it; null where it says none */
  soname: string | null;
  /** whether its references to what it defines are bound to that, whatever else defines it: `-Bsymbolic` */
  symbolic: boolean;
  /** whether it says that it is a program rather than a library */
  isProgram: boolean;
  /** where its DT_DEBUG entry's value lies, in which the dynamic linker leaves the address of its list of modules; null where it has none */
  debugAt: number | null;
};

const dynamicSegment = 2;
const executable = 2;
const tag = {
  needed: 1,
  strings: 5,
  stringBytes: 10,
  soname: 14,
  symbolic: 16,
  debug: 21,
  flags: 30,
  flags1: 0x6fff_fffb,
};
/** DF_SYMBOLIC of DT_FLAGS, DF_1_PIE of DT_FLAGS_1. */
const flag = { symbolic: 2, positionIndependentProgram: 0x0800_0000 };
/** Real files have about forty. */
const maxEntries = 4096;

/**
 * Reads what a file tells the dynamic linker; of a static program there is nothing to tell.
 * Throws `unsupported` where a name reaches past the end of its table.
 *
 * @see elf(5), "Dynamic tags"; https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */
export function readDynamic(file: ElfFile): Dynamic {
  const segment = file.segments.find(({ type }) => type === dynamicSegment);
  const size = Math.min(segment?.fileSize ?? 0, maxEntries * 16);
  const table = (segment && file.bytesAt(segment.address, size)) ?? Buffer.alloc(0);
  const entries: { tag: number; value: number; at: number }[] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const value = Number(table.readBigUInt64LE(at + 8));
    const kind = Number(table.readBigUInt64LE(at));
    if (kind === 0) break;
    entries.push({ tag: kind, value, at: (segment?.address ?? 0) + at + 8 });
  }
  const first = (wanted: number) => entries.find((entry) => entry.tag === wanted);
  const [strings, bytes] = [first(tag.strings)?.value, first(tag.stringBytes)?.value];
  const names = (strings !== undefined && bytes !== undefined && file.bytesAt(strings, bytes)) || Buffer.alloc(0);
  const has = (wanted: number, bit: number) => ((first(wanted)?.value ?? 0) & bit) !== 0;
  const soname = first(tag.soname);
  return {
    needed: entries.filter((entry) => entry.tag === tag.needed).map(({ value }) => nameIn(names, value)),
    soname: soname ? nameIn(names, soname.value) : null,
    symbolic: first(tag.symbolic) !== undefined || has(tag.flags, flag.symbolic),
    isProgram: file.kind === executable || has(tag.flags1, flag.positionIndependentProgram),
    debugAt: first(tag.debug)?.at ?? null,
  };
}
