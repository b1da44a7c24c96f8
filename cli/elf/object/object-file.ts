import { ElfFile, type ElfSymbol, type Section, sectionType, symbolType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { NamedFile } from "./pairs.ts";
import { relocationBytes } from "./relocations.ts";

/** A section of an object file that can go into a payload by itself: one function, one variable, or constants. */
export type Piece = {
  /** of the function or variable, one that other files see where there is one; of the section, where it has none */
  name: string;
  /** that name and those of the same code or data (aliases) */
  names: readonly string[];
  /** `list`: what runs when a program starts or ends (.init_array and the like) */
  kind: "code" | "constant" | "variable" | "thread-local" | "list";
  /** whether others refer to it by its name, so that it must stay the one that it is; a constant that no other file sees need not */
  named: boolean;
  /** whether it is one function or variable, rather than strings or the like */
  hasSymbol: boolean;
  /** the source file that alone sees it; null where all of the program do */
  scope: string | null;
  /** whether other files may have the same, of which the linker keeps one (an inline function of C++) */
  isCommon: boolean;
  /** index of its section; -1 for a common symbol */
  section: number;
  /** size of a function or variable in bytes, less the padding of its section */
  size: number;
  /** empty where all are zero */
  bytes: Buffer;
  /** how many bytes of memory it takes */
  space: number;
  align: number;
  /** size of one of the constants that the linker may merge with equal ones; 0 where it may not */
  mergeable: number;
  strings: boolean;
  references: Reference[];
};

/**
 * A relocation. `to.offset` is where in the piece its symbol lies; `inside`: the symbol stands for the whole section. `exported`: another
 * module may define the symbol in this one's place, where a library exports it; `weak`: it may be defined nowhere.
 */
export type Reference = {
  at: number;
  type: number;
  addend: number;
  to: { piece: Piece; offset: number; inside: boolean; exported: boolean } | { name: string; weak: boolean };
};

/** An object file in pieces. */
export type ObjectFile = { path: string; pieces: readonly Piece[]; file: ElfFile };

/** What the compiler calls the part of a function that it moved away. */
export const coldSuffix = /\.cold(?:\.\d+)?$/;

const flag = { write: 1, allocate: 2, execute: 4, merge: 0x10, strings: 0x20, group: 0x200, threadLocal: 0x400 };
const relocatable = 1;
const commonSection = 0xfff2;
const listTypes = new Set([14, 15, 16]);
const listNames = /^\.(?:ctors|dtors)(?:\.|$)/;
/** Written once, by the dynamic linker. */
const constantAfterStart = /^\.data\.rel\.ro(?:\.|$)/;
const ignored = /^\.(?:eh_frame|note|comment|debug)/;

/**
 * Reads an object file that was compiled with -ffunction-sections -fdata-sections.
 * @throws SutureError `unsupported` with what about it cannot be made a patch of
 */
export function readObject({ path, bytes }: NamedFile): ObjectFile {
  const refuse = (reason: string) => new SutureError("unsupported", `${path}: ${reason}`);
  const file = new ElfFile(bytes);
  if (bytes.readUInt16LE(16) !== relocatable) throw refuse("it is no object file (.o)");
  const symbols = Array.from({ length: file.symbols.size }, (_, index) => file.symbols.at(index));
  const source = symbols.find(({ type }) => type === symbolType.file)?.name ?? path;
  const bySection = Map.groupBy(symbols, ({ section }) => section);
  const pieces = new Map<number, Piece>();
  for (const [index, section] of file.sections.entries()) {
    const isCopied = (section.flags & flag.allocate) !== 0 && section.size > 0;
    const name = file.nameOf(section);
    if (name.startsWith(".gnu.lto_")) throw refuse("it holds no machine code; compile it without -flto");
    if (!isCopied || ignored.test(name)) continue;
    if (name.startsWith(".gcc_except_table")) throw refuse("it handles exceptions, which a replaced function cannot");
    pieces.set(index, pieceOf({ file, index, section, name, source, symbols: bySection.get(index) ?? [] }, refuse));
  }
  const common = new Map((bySection.get(commonSection) ?? []).map((symbol) => [symbol.name, commonPiece(symbol)]));
  for (const section of file.sections) {
    const piece = section.type === sectionType.relocations ? pieces.get(section.info) : undefined;
    if (!piece) continue;
    for (const { address, type, symbol, addend } of file.relocationsIn(section)) {
      const to = symbols[symbol];
      if (!to || address + relocationBytes(type) > Math.max(piece.bytes.length, piece.space)) {
        throw refuse("it is damaged");
      }
      piece.references.push({ at: address, type, addend: Number(addend), to: targetOf(to, pieces, common) });
    }
    piece.references.sort((one, other) => one.at - other.at);
  }
  return { path, pieces: [...pieces.values(), ...common.values()], file };
}

type Origin = {
  file: ElfFile;
  index: number;
  section: Section;
  name: string;
  source: string;
  symbols: readonly ElfSymbol[];
};

function pieceOf(
  { file, index, section, name, source, symbols }: Origin,
  refuse: (reason: string) => SutureError,
): Piece {
  const isCode = (section.flags & flag.execute) !== 0;
  const isVariable = (section.flags & flag.write) !== 0 && !constantAfterStart.test(name);
  const isThreadLocal = (section.flags & flag.threadLocal) !== 0;
  const isMergeable = (section.flags & flag.merge) !== 0;
  const isList = listTypes.has(section.type) || listNames.test(name);
  const wanted = isCode ? symbolType.function : isThreadLocal ? symbolType.threadLocal : symbolType.object;
  // clang gives each of the strings in a section a name; the linker merges them whatever they are called
  const owners = isMergeable ? [] : symbols.filter(({ type }) => type === wanted).sort(mostVisible);
  const [owner] = owners;
  if (owners.some(({ address }) => address !== 0)) {
    throw refuse(`${name} holds more than one thing; compile it with -ffunction-sections -fdata-sections`);
  }
  if (isCode && !owner) throw refuse(`${name} is code without a function's name`);
  return {
    name: owner?.name ?? name,
    names: owners.map((symbol) => symbol.name),
    kind: isCode ? "code" : isThreadLocal ? "thread-local" : isList ? "list" : isVariable ? "variable" : "constant",
    // a constant that no other file can see is as good as a copy of it
    named: owner !== undefined && (isCode || isVariable || !owner.local),
    hasSymbol: owner !== undefined,
    scope: owner?.local === false ? null : source,
    isCommon: (section.flags & flag.group) !== 0,
    section: index,
    size: owner?.size ?? section.size,
    bytes: file.contentsOf(section),
    space: section.size,
    align: Math.max(1, section.align),
    mergeable: isMergeable ? Math.max(1, section.entrySize) : 0,
    strings: (section.flags & flag.strings) !== 0,
    references: [],
  };
}

/** Symbols that other files see come first, and of those the ones that are not weak. */
function mostVisible(one: ElfSymbol, other: ElfSymbol): number {
  const rank = ({ local, visibility, weak }: ElfSymbol) =>
    Number(local) * 4 + Number(visibility !== 0) * 2 + Number(weak);
  return rank(one) - rank(other);
}

/** A variable that is all zeros and that several files may define (-fcommon): its symbol's address is its alignment. */
function commonPiece({ name, size, address }: ElfSymbol): Piece {
  const memory = { size, space: size, align: Math.max(1, address), bytes: Buffer.alloc(0) };
  const facts = {
    isCommon: true,
    name,
    names: [name],
    kind: "variable",
    named: true,
    hasSymbol: true,
    scope: null,
    section: -1,
  } as const;
  return { ...facts, ...memory, mergeable: 0, strings: false, references: [] };
}

function targetOf(
  symbol: ElfSymbol,
  pieces: ReadonlyMap<number, Piece>,
  common: ReadonlyMap<string, Piece>,
): Reference["to"] {
  const exported = !symbol.local && symbol.visibility === 0;
  const shared = symbol.section === commonSection ? common.get(symbol.name) : undefined;
  if (shared) return { piece: shared, offset: 0, inside: false, exported };
  const piece = symbol.defined ? pieces.get(symbol.section) : undefined;
  if (!piece) return { name: symbol.name, weak: symbol.weak };
  return { piece, offset: symbol.address, inside: symbol.type === symbolType.section, exported };
}
