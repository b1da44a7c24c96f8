/** Relocations of x86-64 object files that code may hold (System V ABI, AMD64 supplement, 4.4). */
export const relocation = {
  absolute: 1,
  distance: 2,
  call: 4,
  tableEntry: 6,
  relative: 8,
  throughTable: 9,
  unsigned32: 10,
  signed32: 11,
  throughTableRelaxed: 41,
  throughTableRelaxedWide: 42,
} as const;

const threadLocal = new Set([16, 17, 18, 19, 20, 21, 22, 23, 34, 35, 36]);

/** How many bytes a relocation changes. */
export function relocationBytes(type: number): number {
  return type === relocation.absolute || type === 24 ? 8 : type === 34 ? 16 : 4;
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
  if (isThreadLocal(type)) return { before: 4, behind: 16 };
  return { before: isThroughTable(type) ? 3 : 0, behind: relocationBytes(type) };
}

/** Whether it holds an address in 4 bytes, as programs at a fixed address do. */
export function isShort(type: number): boolean {
  return type === relocation.signed32 || type === relocation.unsigned32;
}
