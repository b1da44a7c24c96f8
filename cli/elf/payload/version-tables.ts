import { sectionType } from "../../../protocol/elf/elf-file.ts";
import type { SymbolVersion } from "../../../protocol/elf/versions.ts";

type Names = { add(name: string): number };
type Table = { name: string; type: number; bytes: Buffer; link: number; info: number; entry: number };

/** Index of a symbol that has no version. */
const unversioned = 1;
/** Where the payload's tables of symbols and of names lie among its sections. */
const section = { symbols: 2, names: 3 };

/**
 * The tables that say which version each symbol is wanted in (.gnu.version, .gnu.version_r); none where no symbol has one.
 *
 * @param symbols the version of each symbol of the symbol table, in its order
 * @see https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
 */
export function versionTables(symbols: readonly (SymbolVersion | undefined)[], names: Names): Table[] {
  const keyOf = ({ name, file }: SymbolVersion) => `${file ?? ""} ${name}`;
  const versions = [...new Map(symbols.flatMap((each) => (each ? [[keyOf(each), each] as const] : []))).values()];
  if (versions.length === 0) return [];
  const indexOf = new Map(versions.map((each, at) => [keyOf(each), unversioned + 1 + at]));
  const byFile = [...Map.groupBy(versions, ({ file }) => file ?? "")];
  const needs = byFile.map(([file, wanted], at) => {
    const bytes = Buffer.alloc(16 + 16 * wanted.length);
    bytes.writeUInt16LE(1, 0);
    bytes.writeUInt16LE(wanted.length, 2);
    bytes.writeUInt32LE(names.add(file), 4);
    bytes.writeUInt32LE(16, 8);
    bytes.writeUInt32LE(at === byFile.length - 1 ? 0 : bytes.length, 12);
    for (const [place, version] of wanted.entries()) {
      const start = 16 + 16 * place;
      bytes.writeUInt32LE(elfHash(version.name), start);
      bytes.writeUInt16LE(indexOf.get(keyOf(version)) ?? 0, start + 6);
      bytes.writeUInt32LE(names.add(version.name), start + 8);
      bytes.writeUInt32LE(place === wanted.length - 1 ? 0 : 16, start + 12);
    }
    return bytes;
  });
  const indices = Buffer.alloc(2 * symbols.length);
  for (const [at, version] of symbols.entries()) {
    indices.writeUInt16LE(at === 0 ? 0 : version ? (indexOf.get(keyOf(version)) ?? 0) : unversioned, 2 * at);
  }
  return [
    { name: ".gnu.version", type: sectionType.versions, bytes: indices, link: section.symbols, info: 0, entry: 2 },
    {
      name: ".gnu.version_r",
      type: sectionType.versionNeeds,
      bytes: Buffer.concat(needs),
      link: section.names,
      info: byFile.length,
      entry: 0,
    },
  ];
}

/** The hash by which the dynamic linker compares versions (System V ABI, "Hash Table"). */
function elfHash(name: string): number {
  let hash = 0;
  for (const byte of Buffer.from(name, "utf8")) {
    hash = (hash << 4) + byte;
    const high = hash & 0xf000_0000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}
