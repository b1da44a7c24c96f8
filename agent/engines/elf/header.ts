import { pageUp } from "../../../protocol/elf/bind/link.ts";
import { SutureError } from "../../../protocol/errors.ts";
import { isSystemError } from "../../system/proc.ts";
import { Placement } from "./journal.ts";
import type { Reader } from "./machine.ts";

const maxHeaderBytes = 1024 * 1024;
const magic = Buffer.from("SUTURE\0\x01", "latin1");

/**
 * The first bytes of a patch's memory: a mark, the length, and the placement as JSON. Throws `unsupported` where they do not fit.
 */
export function encodeHeader(placement: Placement, size: number): Buffer {
  const json = Buffer.from(JSON.stringify(placement));
  const header = Buffer.alloc(size);
  if (magic.length + 4 + json.length > size) throw new SutureError("unsupported", "the functions' names are too long");
  magic.copy(header);
  header.writeUInt32LE(json.length, magic.length);
  json.copy(header, magic.length + 4);
  return header;
}

/** Writes a payload with its header, of which the mark comes last: memory that bears it is whole. */
export function writeHeaderLast(write: (address: number, bytes: Buffer) => void, base: number, bytes: Buffer): void {
  write(base + magic.length, bytes.subarray(magic.length));
  write(base, bytes.subarray(0, magic.length));
}

/** The placement that the memory at an address says it is; null where it says nothing of the kind. The target can write there. */
export function readPlacement(memory: Reader, base: number): Placement | null {
  try {
    const head = memory.read(base, magic.length + 4);
    const length = head.readUInt32LE(magic.length);
    if (!head.subarray(0, magic.length).equals(magic) || length > maxHeaderBytes) return null;
    const json = memory.read(base + magic.length + 4, length).toString("utf8");
    const placement = Placement.safeParse(JSON.parse(json));
    return placement.success && placement.data.base === base ? placement.data : null;
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error, "EIO", "EFAULT")) return null;
    throw error;
  }
}

/** Whether the memory at a placement's base says that it is that placement. Throws where it cannot be read. */
export function holdsPlacement(memory: Reader, placement: Placement): boolean {
  const expected = headerOf(placement);
  return memory.read(placement.base, expected.length).equals(expected);
}

/** The header of a placement, of which a record may hold more. Throws `unsupported` where it does not fit. */
export function headerOf({ patch, buildId, base, size, jumps, replaced, replacements }: Placement): Buffer {
  return encodeHeader({ patch, buildId, base, size, jumps, replaced, replacements }, headerBytes(jumps.length));
}

/** How much of a patch's memory its header takes, in bytes, whole pages. */
export function headerBytes(functions: number): number {
  return pageUp(2048 + 512 * functions);
}
