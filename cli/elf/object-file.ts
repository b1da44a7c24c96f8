import { createHash } from "node:crypto";
import { ElfFile, type ElfSymbol, type Section, sectionType, symbolType } from "../../protocol/elf/elf-file.ts";
import { SutureError } from "../../protocol/errors.ts";
import { relocationBytes } from "./relocations.ts";

/** A section of an object file that can go into a payload by itself: one function, one variable, or unnamed constants. */
export type Piece = {
  /** of the function or variable; of the section, where it has none */
  name: string;
  kind: "code" | "constant" | "variable" | "thread-local";
  /** whether others refer to it by its name, so that it must stay the one that it is */
  named: boolean;
  /** the source file that alone sees it; null where all of the program do */
  scope: string | null;
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

/** An object file in pieces, with what says whether two of them are the same. */
export type ObjectFile = {
  path: string;
  pieces: readonly Piece[];
  file: ElfFile;
  /** The same for two pieces exactly if they do the same with the same things. */
  fingerprint(piece: Piece): string;
  /** A name less the number that the compiler gave it, unless another has the same: `count` for `count.0`. */
  stem(name: string): string;
};

/** What the compiler calls the part of a function that it moved away. */
export const coldSuffix = /\.cold(?:\.\d+)?$/;

const flag = { write: 1, allocate: 2, execute: 4, merge: 0x10, strings: 0x20, threadLocal: 0x400 };
const relocatable = 1;

/**
 * Reads an object file that was compiled with -ffunction-sections -fdata-sections.
 * @throws SutureError `unsupported` with what about it cannot be made a patch of
 */
export function readObject(path: string, bytes: Buffer): ObjectFile {
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
    pieces.set(index, pieceOf({ file, section, name, source, symbols: bySection.get(index) ?? [] }, refuse));
  }
  for (const section of file.sections) {
    const piece = section.type === sectionType.relocations ? pieces.get(section.info) : undefined;
    if (!piece) continue;
    for (const { address, type, symbol, addend } of file.relocationsIn(section)) {
      const to = symbols[symbol];
      if (!to || address + relocationBytes(type) > piece.bytes.length) throw refuse("it is damaged");
      piece.references.push({ at: address, type, addend: Number(addend), to: targetOf(to, pieces) });
    }
  }
  const all = [...pieces.values()];
  const stem = stemsOf(all.map((piece) => piece.name));
  return { path, pieces: all, file, stem, fingerprint: (piece) => fingerprint(piece, stem, []) };
}

const ignored = /^\.(?:eh_frame|note|comment|debug)/;

type Origin = { file: ElfFile; section: Section; name: string; source: string; symbols: readonly ElfSymbol[] };

function pieceOf({ file, section, name, source, symbols }: Origin, refuse: (reason: string) => SutureError): Piece {
  const isCode = (section.flags & flag.execute) !== 0;
  const isVariable = (section.flags & flag.write) !== 0;
  const isThreadLocal = (section.flags & flag.threadLocal) !== 0;
  const wanted = isCode ? symbolType.function : isThreadLocal ? symbolType.threadLocal : symbolType.object;
  const owners = symbols.filter(({ type }) => type === wanted);
  const [owner] = owners;
  if (owners.some(({ address }) => address !== 0)) {
    throw refuse(`${name} holds more than one thing; compile it with -ffunction-sections -fdata-sections`);
  }
  if (isCode && !owner) throw refuse(`${name} is code without a function's name`);
  return {
    name: owner?.name ?? name,
    kind: isCode ? "code" : isThreadLocal ? "thread-local" : isVariable ? "variable" : "constant",
    // a constant that no other file can see is as good as a copy of it
    named: owner !== undefined && (isCode || isVariable || !owner.local),
    scope: owner?.local === false ? null : source,
    size: owner?.size ?? section.size,
    bytes: file.contentsOf(section),
    space: section.size,
    align: Math.max(1, section.align),
    mergeable: (section.flags & flag.merge) !== 0 ? Math.max(1, section.entrySize) : 0,
    strings: (section.flags & flag.strings) !== 0,
    references: [],
  };
}

function targetOf(symbol: ElfSymbol, pieces: ReadonlyMap<number, Piece>): Reference["to"] {
  const piece = symbol.defined ? pieces.get(symbol.section) : undefined;
  if (!piece) return { name: symbol.name, weak: symbol.weak };
  const exported = !symbol.local && symbol.visibility === 0;
  return { piece, offset: symbol.address, inside: symbol.type === symbolType.section, exported };
}

function stemsOf(names: readonly string[]): (name: string) => string {
  const cut = (name: string) => name.replace(/\.\d+$/, "");
  const count = new Map<string, number>();
  for (const name of names) count.set(cut(name), (count.get(cut(name)) ?? 0) + 1);
  return (name) => (count.get(cut(name)) === 1 ? cut(name) : name);
}

function fingerprint(piece: Piece, stem: (name: string) => string, within: readonly Piece[]): string {
  const hash = createHash("sha256");
  hash.update(`${piece.kind} ${piece.align} ${piece.size} ${piece.space} `).update(piece.bytes);
  for (const { at, type, addend, to } of [...piece.references].sort((one, other) => one.at - other.at)) {
    hash.update(`\n${at} ${type} ${addend} `);
    if ("name" in to) hash.update(`name ${to.name}`);
    else if (to.piece.named) hash.update(`name ${stem(to.piece.name)} ${to.offset}`);
    else if (to.piece.mergeable > 0 && !to.inside) hash.update("constant ").update(constantAt(to.piece, to.offset));
    else if (within.includes(to.piece)) hash.update(`cycle ${to.offset}`);
    else hash.update(`piece ${to.offset} ${fingerprint(to.piece, stem, [...within, piece])}`);
  }
  return hash.digest("hex");
}

/** One string or number of those that the linker may merge; which others lie beside it makes no difference. */
function constantAt({ bytes, strings, mergeable }: Piece, offset: number): Buffer {
  const end = strings ? bytes.indexOf(Buffer.alloc(mergeable), offset) + mergeable : offset + mergeable;
  return bytes.subarray(offset, Math.max(offset, end));
}
