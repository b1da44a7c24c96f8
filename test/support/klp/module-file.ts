/** What a module file made here says of itself; of `replace` nothing where that is left out, as modules that kpatch built. */
export type ModuleText = { name: string; kernel: string; livepatch?: boolean; signed?: boolean; replace?: boolean };

const signatureEnd = "~Module signature appended~\n";
const [programData, symbolTable, stringTable, relocations] = [1, 2, 3, 4];

type Section = { name: string; type: number; bytes: Buffer; link?: number; info?: number };

/** The smallest file that the reader of modules takes for one: an ELF header, `.modinfo`, perhaps a `struct klp_patch`, and names. */
export function moduleFile({ name, kernel, livepatch = true, signed = false, replace }: ModuleText): Buffer {
  const info = [
    `license=GPL`,
    ...(livepatch ? ["livepatch=Y"] : []),
    `name=${name}`,
    `vermagic=${kernel} SMP mod_unload `,
  ];
  const modinfo = { name: ".modinfo", type: programData, bytes: Buffer.from(`${info.join("\0")}\0`, "latin1") };
  const sections: Section[] = [
    { name: "", type: 0, bytes: Buffer.alloc(0) },
    modinfo,
    ...(replace === undefined ? [] : patchStructure(replace)),
  ];
  const names = ["", ".shstrtab", ...sections.slice(1).map((section) => section.name)];
  sections.push({ name: ".shstrtab", type: stringTable, bytes: Buffer.from(`${names.join("\0")}\0`, "latin1") });
  const file = link(sections, names);
  return signed ? Buffer.concat([file, signature()]) : file;
}

/** struct klp_patch at the start of section 2, `.data`: its module at 0, its objects at 8, `replace` at 24. */
function patchStructure(replace: boolean): Section[] {
  const data = Buffer.alloc(32);
  data[24] = replace ? 1 : 0;
  const symbols = Buffer.alloc(72);
  symbols.writeUInt32LE(1, 24);
  symbols.writeUInt16LE(2, 48 + 6);
  const pointers = Buffer.alloc(48);
  pointers.writeUInt32LE(1, 12);
  pointers.writeBigUInt64LE(8n, 24);
  pointers.writeUInt32LE(2, 24 + 12);
  return [
    { name: ".data", type: programData, bytes: data },
    { name: ".rela.data", type: relocations, bytes: pointers, link: 4, info: 2 },
    { name: ".symtab", type: symbolTable, bytes: symbols, link: 5 },
    { name: ".strtab", type: stringTable, bytes: Buffer.from("\0__this_module\0", "latin1") },
  ];
}

function link(sections: readonly Section[], names: readonly string[]): Buffer {
  const bodies = Buffer.concat(sections.map(({ bytes }) => bytes));
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(62, 18);
  header.writeBigUInt64LE(BigInt(64 + bodies.length), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(sections.length, 60);
  header.writeUInt16LE(sections.length - 1, 62);
  let at = 64;
  const table = sections.map(({ name, type, bytes, link: linked = 0, info = 0 }) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(name === "" ? 0 : offsetOf(names, name), 0);
    entry.writeUInt32LE(type, 4);
    entry.writeBigUInt64LE(BigInt(at), 24);
    entry.writeBigUInt64LE(BigInt(bytes.length), 32);
    entry.writeUInt32LE(linked, 40);
    entry.writeUInt32LE(info, 44);
    at += bytes.length;
    return entry;
  });
  return Buffer.concat([header, bodies, ...table]);
}

function offsetOf(names: readonly string[], name: string): number {
  return names.slice(0, names.indexOf(name)).reduce((offset, each) => offset + each.length + 1, 0);
}

function signature(): Buffer {
  const trailer = Buffer.alloc(12);
  trailer.writeUInt32BE(256, 8);
  return Buffer.concat([Buffer.alloc(256, 1), trailer, Buffer.from(signatureEnd, "latin1")]);
}
