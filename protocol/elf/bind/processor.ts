/**
 * What a relocation asks for: 8 bytes with the symbol's address, the address plus the addend, or the base plus the addend; or 4 bytes
 * with the address plus the addend ("short"), or with its distance from the place of the relocation ("distance").
 */
type RelocationKind = "symbol" | "symbol+addend" | "base+addend" | "short" | "distance" | "resolver" | "unsupported";

/** What binding a payload depends on of the processor. */
export type Processor = {
  /** e_machine of its ELF files */
  readonly elfMachine: number;
  readonly jumpBytes: number;
  /** Where in a function a jump goes, in bytes from its start; `entry` holds the first four bytes at least. */
  jumpOffset(entry: Buffer): number;
  relocation(type: number): RelocationKind;
  /** Whether the dynamic linker may bind a relocation of this type only when it is first used. */
  isBoundLate(type: number): boolean;
};

const relocationTypes = {
  absolute: 1,
  distance: 2,
  copyOfAddress: 6,
  jumpSlot: 7,
  relative: 8,
  signed32: 11,
  resolver: 37,
};
const endbr64 = 0xf30f1efa;

/** x86-64, as the System V ABI has it (AMD64 supplement, 4.4). */
export const x86_64Processor: Processor = {
  elfMachine: 62,
  jumpBytes: 5,
  jumpOffset: (entry) => (entry.readUInt32BE(0) === endbr64 ? 4 : 0),
  relocation(type) {
    if (type === relocationTypes.absolute) return "symbol+addend";
    if (type === relocationTypes.copyOfAddress || type === relocationTypes.jumpSlot) return "symbol";
    if (type === relocationTypes.relative) return "base+addend";
    if (type === relocationTypes.distance) return "distance";
    if (type === relocationTypes.signed32) return "short";
    return type === relocationTypes.resolver ? "resolver" : "unsupported";
  },
  isBoundLate: (type) => type === relocationTypes.jumpSlot,
};
