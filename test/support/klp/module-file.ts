/** What a module file made here says of itself. */
export type ModuleText = { name: string; kernel: string; livepatch?: boolean; signed?: boolean };

const signatureEnd = "~Module signature appended~\n";

/** The smallest file that the reader of modules takes for one: an ELF header, `.modinfo` and the names of the sections. */
export function moduleFile({ name, kernel, livepatch = true, signed = false }: ModuleText): Buffer {
  const info = [
    `license=GPL`,
    ...(livepatch ? ["livepatch=Y"] : []),
    `name=${name}`,
    `vermagic=${kernel} SMP mod_unload `,
  ];
  const text = Buffer.from(`${info.join("\0")}\0`, "latin1");
  const names = Buffer.from("\0.modinfo\0.shstrtab\0", "latin1");
  const table = 64 + text.length + names.length;
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(62, 18);
  header.writeBigUInt64LE(BigInt(table), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  header.writeUInt16LE(2, 62);
  const file = [
    header,
    text,
    names,
    section(0, 0, 0, 0),
    section(1, 1, 64, text.length),
    section(10, 3, 64 + text.length, names.length),
  ];
  return Buffer.concat(signed ? [...file, signature()] : file);
}

function section(name: number, type: number, offset: number, size: number): Buffer {
  const entry = Buffer.alloc(64);
  entry.writeUInt32LE(name, 0);
  entry.writeUInt32LE(type, 4);
  entry.writeBigUInt64LE(BigInt(offset), 24);
  entry.writeBigUInt64LE(BigInt(size), 32);
  return entry;
}

function signature(): Buffer {
  const trailer = Buffer.alloc(12);
  trailer.writeUInt32BE(256, 8);
  return Buffer.concat([Buffer.alloc(256, 1), trailer, Buffer.from(signatureEnd, "latin1")]);
}
