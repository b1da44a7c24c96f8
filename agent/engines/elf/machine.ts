import type { Processor } from "../../../protocol/elf/bind/processor.ts";
import type { ProcessMemory } from "../../system/proc.ts";

/** A range of addresses with the name that a person knows it by; `end` is the first address behind it. */
export type AddressRange = { name: string; start: number; end: number };

/** What a process may do with a page: read it, read and write it, or run it. No page is ever writable and executable. */
export type Protection = "read" | "write" | "execute";

/** An injected mmap: private anonymous memory at that address or not at all; `overOwn` where it lies over memory that an earlier one mapped. */
export type MapCall = { address: number; size: number; protection: Protection; overOwn: boolean };

/** Two pieces of code that every process has, by address: `syscall; ret`, and the C library's return from a signal handler. */
export type Gadgets = { syscallReturn: number; signalReturn: number };

/** A signal frame that restores everything of a thread: by it the thread goes on where it was, should the agent die. */
type ReturnFrame = {
  /** where the frame lies, and its bytes */
  address: number;
  bytes: Buffer;
  /** the stack pointer with which a call must start so that its return goes through the frame */
  stackPointer: number;
};

/** All that depends on the processor. Register buffers are `struct user_regs_struct`. */
export interface Machine extends Processor {
  readonly registerBytes: number;
  /** NT_* note type of the extended registers */
  readonly extendedRegisters: number;
  instructionPointer(registers: Buffer): number;
  stackPointer(registers: Buffer): number;
  /** The registers that a caller finds again after a call, and the stack and instruction pointers, by DWARF's numbers. */
  preservedRegisters(registers: Buffer): ReadonlyMap<number, bigint>;
  /** Whether those registers are the same in two. */
  hasSameFrame(registers: Buffer, other: Buffer): boolean;
  /** The word by which a signal's frame on a stack is known, given a thread's registers, and how far before it the stack pointer lies. */
  signalMark(registers: Buffer): Buffer;
  readonly savedStackPointerBefore: number;
  /** How far behind a thread's control block the key lies with which the C library hides addresses (setjmp). */
  readonly pointerKeyAt: number;
  /** How a hidden address of user space begins in memory, whatever it is, and which address it is. */
  mangledPrefix(key: bigint): Buffer;
  unmangle(word: bigint, key: bigint): number;
  /** DWARF's number of the stack pointer. */
  readonly stackRegister: number;
  /** Whether code is what the C library has the function return to that a context of makecontext(3) begins with, by so many bytes. */
  isContextEnd(code: Buffer): boolean;
  readonly contextEndBytes: number;
  /** How many bytes before a return address tell that a call is there. */
  readonly longestCall: number;
  /** Whether these bytes end with a call. */
  endsWithCall(code: Buffer): boolean;
  /** Whether a stop made a system call end with EINTR that could be made again without harm. */
  endedWithEintr(registers: Buffer): boolean;
  /**
   * Turns the registers of a thread that a stop took out of a system call into those of one that is about to make it.
   * The kernel does this itself for a thread that stays in its first stop, except after EINTR.
   * `fromTheStart`: make a timed wait again in full, where the kernel's memory of the time left will be lost.
   */
  rewindSystemCall(registers: Buffer, fromTheStart: boolean): void;
  /** Whether a stopped thread is within a system call; else it stands in its own code. */
  isInSystemCall(registers: Buffer): boolean;
  /** Turns the registers of a thread at the beginning of a system call into those of one that is about to make it. */
  repeatSystemCall(registers: Buffer): void;
  /** Has a thread at the beginning of a system call make none. */
  dropSystemCall(registers: Buffer): void;
  /** Where the thread's control block lies. */
  threadPointer(registers: Buffer): number;
  /** A jump at `from` to `to`; null where it is out of reach. */
  encodeJump(from: number, to: number): Buffer | null;
  /** Where a jump that lies at `at` goes; null where the bytes are no such jump. */
  decodeJump(bytes: Buffer, at: number): number | null;
  /** How many bytes of a gadget tell that it is there. */
  readonly gadgetBytes: number;
  /** Finds the gadgets in a piece of code; those not there are absent. */
  findGadgets(code: Buffer, address: number): Partial<Gadgets>;
  /** How much memory a frame for a thread with these extended registers takes, in bytes. */
  frameBytes(extended: Buffer): number;
  /** The frame that ends at or just below `end`. It holds the 8 bytes of `nonce`, which the thread never reads. */
  returnFrame(
    registers: Buffer,
    extended: Buffer,
    mask: Buffer,
    gadgets: Gadgets,
    end: number,
    nonce: Buffer,
  ): ReturnFrame;
  /**
   * The registers of a thread that makes a call and then returns through the frame whose stack pointer is given. `isAtEntry`: it stands at the
   * beginning of a call of its own, in place of which it makes this one.
   */
  callRegisters(registers: Buffer, call: MapCall, gadgets: Gadgets, stackPointer: number, isAtEntry: boolean): Buffer;
  /** Whether a thread that stands at the beginning of a system call makes that one. */
  isCall(registers: Buffer, call: MapCall): boolean;
  /** What the call returned: an address or 0; a negative errno. */
  callResult(registers: Buffer): number;
}

/** What one process's memory is read through while its plan is made. */
export type Reader = Pick<ProcessMemory, "read">;
