/** Reads the numbers that DWARF and its kin are made of, one after the other. Throws `RangeError` past the end. */
export class ByteReader {
  at = 0;
  readonly contents: Buffer;

  constructor(contents: Buffer) {
    this.contents = contents;
  }

  get hasMore(): boolean {
    return this.at < this.contents.length;
  }

  /** An unsigned little-endian number of 1 to 4 bytes; of 8 bytes the lower four. */
  number(size: number): number {
    this.at += size;
    if (size > 6) return this.contents.readUInt32LE(this.at - size);
    return this.contents.readUIntLE(this.at - size, size);
  }

  /** A number of as many bytes as it needs (LEB128). */
  leb(signed = false): number {
    for (let value = 0, scale = 1; ; ) {
      const byte = this.number(1);
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 128) return signed && (byte & 0x40) !== 0 ? value - scale : value;
    }
  }

  bytes(size: number): Buffer {
    if (size < 0 || size > this.contents.length - this.at) throw new RangeError("bytes past the end");
    this.at += size;
    return this.contents.subarray(this.at - size, this.at);
  }

  skip(size: number): void {
    this.at += size;
  }

  /** A string that ends with a zero byte. */
  text(): string {
    const start = this.at;
    const text = textAt(this.contents, start);
    this.at = this.contents.indexOf(0, start) + 1;
    return text;
  }
}

/** The string that begins at a place and ends with a zero byte. Throws `RangeError` where none does. */
export function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  if (end < 0) throw new RangeError("a string without an end");
  return bytes.toString("utf8", at, end);
}
