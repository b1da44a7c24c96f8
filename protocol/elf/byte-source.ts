/**
 * Where a file's bytes come from. What is read stays as it is, but need not be kept by the source: a reader that wants a whole program's
 * symbols asks for them, and nobody holds the rest of the file in memory.
 */
export type ByteSource = {
  /** how many bytes the file has */
  readonly size: number;
  /** Bytes that lie within the file. Throws `unsupported` where they are more than the source reads at once. */
  read(offset: number, size: number): Buffer;
};

/** A file whose bytes are in memory. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { size: buffer.length, read: (offset, size) => buffer.subarray(offset, offset + size) };
}
