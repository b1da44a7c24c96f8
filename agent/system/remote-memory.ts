import koffi from "koffi";
import { native } from "./trace-calls.ts";

const maxVectors = 512;
const localVectors = Buffer.alloc(16 * maxVectors);
const remoteVectors = Buffer.alloc(16 * maxVectors);
/** Where the memory of a buffer lies, which never moves. */
const addresses = new WeakMap<Buffer, number>();
/**
 * Reads up to 512 ranges of a process's memory with one system call, one after the other into `into`.
 *
 * @returns whether every byte was read
 * @see process_vm_readv(2)
 */
export function readRanges(pid: number, ranges: readonly { start: number; size: number }[], into: Buffer): boolean {
  let total = 0;
  let at = 0;
  for (const { start, size } of ranges) {
    writeNumber64(remoteVectors, start, at);
    writeNumber64(remoteVectors, size, at + 8);
    at += 16;
    total += size;
  }
  const address = addresses.get(into) ?? Number(koffi.address(into));
  addresses.set(into, address);
  writeNumber64(localVectors, address, 0);
  writeNumber64(localVectors, total, 8);
  return native().readv(pid, localVectors, 1, remoteVectors, ranges.length, 0) === total;
}

/** A whole number below 2^53 as 8 bytes; a BigInt for each would feed the garbage collector during a stop. */
function writeNumber64(into: Buffer, value: number, at: number): void {
  into.writeUInt32LE(value % 2 ** 32, at);
  into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
