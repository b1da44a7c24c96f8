/** Relocations of x86-64 object files that code may hold (System V ABI, AMD64 supplement, 4.4). */
export const relocation = {
  absolute: 1,
  distance: 2,
  call: 4,
  tableEntry: 6,
  tableJump: 7,
  relative: 8,
  throughTable: 9,
  unsigned32: 10,
  signed32: 11,
  throughTableRelaxed: 41,
  throughTableRelaxedWide: 42,
} as const;

const threadLocal = new Set([16, 17, 18, 19, 20, 21, 22, 23, 34, 35, 36]);
/** DTPMOD64, DTPOFF64, TPOFF64, PC64, GOTOFF64, GOT64, GOTPCREL64, GOTPC64, GOTPLT64, PLTOFF64, SIZE64 */
const wide = new Set<number>([relocation.absolute, 16, 17, 18, 24, 25, 27, 28, 29, 30, 31, 33]);
const [offsetInThread, tlsCallMark, tlsDescriptor] = [23, 35, 36];

/** How many bytes a relocation changes. */
export function relocationBytes(type: number): number {
  if (type === tlsCallMark) return 0;
  return type === tlsDescriptor ? 16 : wide.has(type) ? 8 : 4;
}

/** Whether it reaches a symbol through a table of addresses. */
export function isThroughTable(type: number): boolean {
  return (
    type === relocation.throughTable ||
    type === relocation.throughTableRelaxed ||
    type === relocation.throughTableRelaxedWide
  );
}

export function isThreadLocal(type: number): boolean {
  return threadLocal.has(type);
}

/** What the linker may have changed around a relocation: it rewrites instructions, too. In bytes before it, and behind its start. */
export function relaxedRange(type: number): { before: number; behind: number } {
  if (type === offsetInThread) return { before: 0, behind: 4 };
  if (isThreadLocal(type)) return { before: 4, behind: 16 };
  return { before: isThroughTable(type) ? 3 : 0, behind: relocationBytes(type) };
}

/** Whether it holds an address in 4 bytes, as programs at a fixed address do. */
export function isShort(type: number): boolean {
  return type === relocation.signed32 || type === relocation.unsigned32;
}

/** Whether it holds an address, rather than a distance from where it is. */
export function isAddress(type: number): boolean {
  return type === relocation.absolute || isShort(type);
}
