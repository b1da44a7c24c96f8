import { ByteReader } from "../../../protocol/elf/byte-reader.ts";
import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../../protocol/errors.ts";
import { notUnderstood, type Place } from "./frame-rules.ts";
import { frameAt } from "./frame-table.ts";
import type { Machine, Reader } from "./machine.ts";
import { isCode, type Module } from "./modules.ts";

/** A part of a thread's stack; `isCut`: the memory that it lies in goes on behind it. */
export type StackPart = { start: number; bytes: Buffer; isCut?: boolean };
/**
 * A stopped thread: its registers, and its stack from the stack pointer to the end of the memory that it lies in, or to where that is cut
 * off; behind it the stacks that signals interrupted, from where each stood.
 */
export type Snapshot = { tid: number; registers: Buffer; stacks: readonly StackPart[] };
/** The code of a process: at an address, the file that it is from and what is to be added to an address of the file. */
export type Code = { memory: Reader; fileAt(address: number): { file: ElfFile; bias: number } | null };
/** Where a thread is and where it will return to, innermost first, with the words of its stack that tell so. */
export type Calls = { addresses: number[]; words: { at: number; bytes: Buffer }[] };

/** Recursions that are deeper are not followed. */
const maxFrames = 4096;

/**
 * The calls that a thread is in, to the first of them, which nobody called. Each step is held against what must be true of a call, since a
 * wrong one would make code seem unused: stacks only shrink, except where a signal came, and a return address has a call before it.
 *
 * @returns null where there is any doubt: code that nobody described, or in a way that is not understood here
 */
export function callsOf(machine: Machine, code: Code, snapshot: Snapshot): Calls | null {
  try {
    return follow(machine, code, snapshot);
  } catch (error) {
    // an expression that is cut off or counts too far
    if (error instanceof RangeError) return null;
    if (isSutureError(error, "unsupported") || isSutureError(error, "no-permission")) return null;
    throw error;
  }
}

/** The code of a process, by its modules. */
export function codeOf(modules: readonly Module[], memory: Reader): Code {
  return {
    memory,
    fileAt(address) {
      const holder = modules.find(({ mappings }) =>
        mappings.some((mapping) => isCode(mapping) && address >= mapping.start && address < mapping.end),
      );
      return holder ? { file: holder.file(), bias: holder.bias() } : null;
    },
  };
}

type Registers = ReadonlyMap<number, bigint>;

function follow(machine: Machine, code: Code, snapshot: Snapshot): Calls {
  const words: Calls["words"] = [];
  const partOf = (at: number) =>
    snapshot.stacks.find((part) => at >= part.start && at <= part.start + part.bytes.length - 8);
  const read = (at: number): bigint => {
    const part = partOf(at);
    if (!part) throw notUnderstood("something lies outside of the stack");
    const bytes = part.bytes.subarray(at - part.start, at - part.start + 8);
    words.push({ at, bytes });
    return bytes.readBigUInt64LE();
  };
  let registers = machine.preservedRegisters(snapshot.registers);
  let address = machine.instructionPointer(snapshot.registers);
  let isReturn = false;
  const addresses = [address];
  while (addresses.length < maxFrames) {
    if (isReturn && isOutermost(machine, code, address)) return { addresses, words };
    const source = code.fileAt(address);
    if (!source) throw notUnderstood("code that is of no file");
    // a call may be the last thing in its function, and the address behind it another's
    const { frame, saved, returnAddress, isSignal } = frameAt(source.file, address - source.bias - (isReturn ? 1 : 0));
    // the C library's return from a signal handler is called by nobody
    if (isReturn && !isSignal && !machine.endsWithCall(bytesBefore(code, address, machine.longestCall))) {
      throw notUnderstood("a return address has no call before it");
    }
    if (saved.get(returnAddress) === "gone") return { addresses, words };
    if (!frame) throw notUnderstood("a frame is nowhere");
    const top = addressAt(frame, registers, read, []);
    const pointer = stackPointer(machine, registers);
    // a signal's handler may have a stack of its own, which no call has
    const isOther = partOf(top - 8) !== partOf(pointer);
    if (isOther ? !isSignal : top <= pointer)
      throw notUnderstood("a caller's stack is no continuation of its callee's");
    const callers = new Map(registers);
    for (const [register, how] of saved) {
      if (how === "gone") callers.delete(register);
      else if (how !== "kept") {
        const at = "fromFrame" in how ? top + how.fromFrame : addressAt(how, registers, read, [BigInt(top)]);
        callers.set(register, read(at));
      }
    }
    if (!saved.has(machine.stackRegister)) callers.set(machine.stackRegister, BigInt(top));
    if (!saved.has(returnAddress)) throw notUnderstood("a return address is nowhere");
    address = asAddress(callers.get(returnAddress));
    isReturn = !isSignal;
    addresses.push(address);
    registers = callers;
  }
  throw notUnderstood("it is too deep");
}

/** Whether nobody called the function that would return there: a stack that a program made begins with no address, or with the C library's. */
function isOutermost(machine: Machine, code: Code, address: number): boolean {
  if (address === 0) return true;
  const size = machine.contextEndBytes;
  return code.fileAt(address) !== null && machine.isContextEnd(bytesBefore(code, address + size, size));
}

/** Where a place is. `initial`: what an expression begins with. */
function addressAt(
  place: Place,
  registers: Registers,
  read: (at: number) => bigint,
  initial: readonly bigint[],
): number {
  if ("register" in place) return asAddress(registers.get(place.register)) + place.offset;
  const reader = new ByteReader(place.expression);
  const stack = [...initial];
  while (reader.hasMore) {
    const operation = reader.number(1);
    // DWARF 5, 7.7.1: breg, deref, plus_uconst
    if (operation >= 0x70 && operation <= 0x8f) {
      stack.push(BigInt(asAddress(registers.get(operation - 0x70)) + reader.leb(true)));
    } else if (operation === 0x06) {
      stack.push(read(asAddress(stack.pop())));
    } else if (operation === 0x23) {
      stack.push(BigInt(asAddress(stack.pop()) + reader.leb()));
    } else {
      throw notUnderstood(`an expression with operation ${operation}`);
    }
  }
  return asAddress(stack.pop());
}

function stackPointer(machine: Machine, registers: Registers): number {
  return asAddress(registers.get(machine.stackRegister));
}

function bytesBefore({ memory }: Code, address: number, size: number): Buffer {
  try {
    return memory.read(address - size, size);
  } catch (error) {
    throw notUnderstood("a return address leads nowhere", error);
  }
}

function asAddress(value: bigint | undefined): number {
  if (value === undefined || value >= 2n ** 47n) throw notUnderstood("an address that is none");
  return Number(value);
}
