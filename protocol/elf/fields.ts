import { SutureError } from "../errors.ts";

/** A 64-bit field as a number. Throws `unsupported` where a number cannot hold it: no address or size of a real file is so big. */
export function readNumber64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  if (value > Number.MAX_SAFE_INTEGER) throw damaged();
  return value;
}

/** Runs `read`; what lies past the end throws `unsupported`. */
export function bounded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw damaged(error);
    throw error;
  }
}

/** What is thrown where a table reaches past the end of its file. */
export function damaged(cause?: unknown): SutureError {
  return new SutureError("unsupported", "the ELF file is damaged: a table reaches past its end", { cause });
}
