/** What a livepatch module says of itself. Nothing here is verified: the bytes are what they are. */
export type KernelModule = {
  /** as lsmod shows it; null where the module does not say */
  name: string | null;
  /** marked as a livepatch module: without it the kernel refuses to patch */
  livepatch: boolean;
  /** the whole vermagic, and its first word: the release that the module was built for */
  vermagic: string;
  kernel: string;
  license: string;
  /** whether it takes the place of all others; null where that cannot be read from the file */
  replace: boolean | null;
  /** what it patches; empty where that cannot be read from the file */
  functions: readonly { object: string; name: string }[];
  /** the appended signature; null where there is none */
  signature: { bytes: number } | null;
};

type Section = { name: string; type: number; offset: number; size: number; link: number; info: number };
type Relocation = { offset: number; symbol: number; addend: number };

const signatureEnd = "~Module signature appended~\n";
const relocationsWithAddend = 4;
const symbolTableType = 2;
const noBits = 8;
const undefinedSection = 0;
/** Bounds for hostile files: a livepatch module has some dozens of sections and some thousands of relocations. */
const [maxSections, maxRelocations, maxFunctions, maxText] = [4096, 200_000, 2000, 512];

/**
 * Reads a kernel module (.ko) for x86-64. Takes any bytes: it never throws, its work is bounded, and null means that the bytes
 * are no such module.
 *
 * Functions are found where gcc lays out `struct klp_func` as static data, or kpatch-build its `.kpatch.funcs`.
 * @see elf(5); include/linux/livepatch.h, scripts/sign-file.c and Documentation/kbuild/modules.rst of the kernel
 */
export function readKernelModule(file: Uint8Array): KernelModule | null {
  try {
    const elf = openRelocatable(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
    if (elf === null) return null;
    const info = modinfo(elf);
    const vermagic = info.get("vermagic") ?? "";
    if (vermagic === "") return null;
    return {
      name: info.get("name") ?? null,
      livepatch: info.get("livepatch") === "Y",
      vermagic,
      kernel: vermagic.split(" ")[0] ?? "",
      license: info.get("license") ?? "",
      replace: readReplace(elf),
      functions: readFunctions(elf),
      signature: readSignature(elf.bytes),
    };
  } catch (error) {
    // A table that reaches past the end of the file
    if (error instanceof RangeError) return null;
    throw error;
  }
}

type Relocatable = {
  bytes: Buffer;
  sections: readonly Section[];
  contents(section: Section): Buffer;
  symbol(index: number): { name: string; section: number; value: number };
};

function openRelocatable(bytes: Buffer): Relocatable | null {
  const isElf = bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isElf || bytes.readUInt16LE(16) !== 1 || bytes.readUInt16LE(18) !== 62) return null;
  const table = number64(bytes, 40);
  const count = Math.min(bytes.readUInt16LE(60), maxSections);
  const raw = Array.from({ length: count }, (_, index) => {
    const at = table + index * 64;
    return {
      nameAt: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      offset: number64(bytes, at + 24),
      size: number64(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    };
  });
  const contents = ({ type, offset, size }: { type: number; offset: number; size: number }) => {
    if (type === noBits) return Buffer.alloc(0);
    if (offset + size > bytes.length) throw new RangeError("a section reaches past the end of the file");
    return bytes.subarray(offset, offset + size);
  };
  const names = raw[bytes.readUInt16LE(62)];
  if (names === undefined) return null;
  const sections = raw.map(({ nameAt, ...section }) => ({ ...section, name: textAt(contents(names), nameAt) }));
  const symbolTable = sections.find(({ type }) => type === symbolTableType);
  const symbols = symbolTable === undefined ? Buffer.alloc(0) : contents(symbolTable);
  const strings = sections[symbolTable?.link ?? -1];
  const symbolNames = strings === undefined ? Buffer.alloc(0) : contents(strings);
  return {
    bytes,
    sections,
    contents,
    symbol(index) {
      const at = index * 24;
      return {
        name: textAt(symbolNames, symbols.readUInt32LE(at)),
        section: symbols.readUInt16LE(at + 6),
        value: number64(symbols, at + 8),
      };
    },
  };
}

/** `.modinfo`: key=value strings, each ended by a zero. The first of a key counts, as for the kernel. */
function modinfo(elf: Relocatable): Map<string, string> {
  const section = elf.sections.find(({ name }) => name === ".modinfo");
  const values = new Map<string, string>();
  if (section === undefined) return values;
  for (const line of elf.contents(section).toString("latin1").split("\0")) {
    const at = line.indexOf("=");
    const key = line.slice(0, at);
    if (at > 0 && !values.has(key)) values.set(key, line.slice(at + 1));
  }
  return values;
}

/** A pointer of static data, as the relocation that fills it in says: to a string, to code, or to other data. */
type Pointer =
  | { kind: "text"; text: string }
  | { kind: "code" }
  | { kind: "data"; offset: number }
  | { kind: "this-module" };

function* dataWithPointers(elf: Relocatable): Generator<{ section: Section; pointers: Map<number, Pointer> }> {
  let budget = maxRelocations;
  for (const table of elf.sections) {
    const section = elf.sections[table.info];
    if (table.type !== relocationsWithAddend || section === undefined) continue;
    if (!/^\.data|^\.kpatch\.funcs/.test(section.name)) continue;
    const pointers = new Map<number, Pointer>();
    for (const relocation of relocationsOf(elf.contents(table))) {
      if (budget-- === 0) return;
      const pointer = pointerOf(elf, relocation);
      if (pointer !== undefined) pointers.set(relocation.offset, pointer);
    }
    yield { section, pointers };
  }
}

function* relocationsOf(entries: Buffer): Generator<Relocation> {
  for (let at = 0; at + 24 <= entries.length; at += 24) {
    const addend = Number(entries.readBigInt64LE(at + 16));
    yield { offset: number64(entries, at), symbol: entries.readUInt32LE(at + 12), addend };
  }
}

function pointerOf(elf: Relocatable, { symbol: index, addend }: Relocation): Pointer | undefined {
  const symbol = elf.symbol(index);
  const target = elf.sections[symbol.section];
  if (symbol.name === "__this_module") return { kind: "this-module" };
  if (symbol.section === undefinedSection || target === undefined) return undefined;
  if (target.name.startsWith(".text")) return { kind: "code" };
  if (target.name.startsWith(".data")) return { kind: "data", offset: symbol.value + addend };
  if (!/^\.rodata|^\.kpatch\.strings/.test(target.name)) return undefined;
  return { kind: "text", text: textAt(elf.contents(target), symbol.value + addend) };
}

/** struct klp_patch: mod at 0, objs at 8, states at 16, replace at 24. */
function readReplace(elf: Relocatable): boolean | null {
  for (const { section, pointers } of dataWithPointers(elf)) {
    for (const [at, { kind }] of pointers) {
      if (kind === "this-module" && pointers.get(at + 8)?.kind === "data") return elf.contents(section)[at + 24] === 1;
    }
  }
  return null;
}

/**
 * struct klp_func begins with its old name and its new code. struct klp_object begins with its name, none for vmlinux, and a pointer
 * to its functions, which lie in a row: a function belongs to the last row that begins before it.
 */
function readFunctions(elf: Relocatable): KernelModule["functions"] {
  const functions: { object: string; name: string }[] = [];
  for (const { section, pointers } of dataWithPointers(elf)) {
    if (section.name === ".kpatch.funcs") functions.push(...functionsOfKpatch(pointers));
    else functions.push(...staticFunctions(pointers));
  }
  return functions.slice(0, maxFunctions);
}

function staticFunctions(pointers: ReadonlyMap<number, Pointer>): { object: string; name: string }[] {
  const nameAt = (at: number) => {
    const pointer = pointers.get(at);
    return pointer?.kind === "text" && pointers.get(at + 8)?.kind === "code" ? pointer.text : undefined;
  };
  const rows: { start: number; object: string }[] = [];
  for (const [at, pointer] of pointers) {
    if (pointer.kind !== "data" || nameAt(pointer.offset) === undefined) continue;
    const name = pointers.get(at - 8);
    rows.push({ start: pointer.offset, object: name?.kind === "text" ? name.text : "vmlinux" });
  }
  rows.sort((one, other) => one.start - other.start);
  return [...pointers.keys()].flatMap((at) => {
    const name = nameAt(at);
    const row = rows.findLast(({ start }) => start <= at);
    return name === undefined || row === undefined ? [] : [{ object: row.object, name }];
  });
}

/** struct kpatch_patch_func: new_addr at 0, name at 40, objname at 48. */
function functionsOfKpatch(pointers: ReadonlyMap<number, Pointer>): { object: string; name: string }[] {
  return [...pointers].flatMap(([at, { kind }]) => {
    const [name, object] = [pointers.get(at + 40), pointers.get(at + 48)];
    if (kind !== "code" || name?.kind !== "text") return [];
    return [{ object: object?.kind === "text" ? object.text : "vmlinux", name: name.text }];
  });
}

/** struct module_signature before the mark: its last four bytes are the length of the PKCS #7 message, big-endian. */
function readSignature(bytes: Buffer): KernelModule["signature"] {
  const end = bytes.length - signatureEnd.length;
  if (end < 12 || bytes.toString("latin1", end) !== signatureEnd) return null;
  return { bytes: bytes.readUInt32BE(end - 4) };
}

function textAt(bytes: Buffer, at: number): string {
  if (at < 0 || at >= bytes.length) return "";
  const window = bytes.subarray(at, at + maxText);
  const end = window.indexOf(0);
  return window.toString("latin1", 0, end < 0 ? window.length : end);
}

/** A 64-bit field; one that no file could hold becomes a number that every bound refuses. */
function number64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}
