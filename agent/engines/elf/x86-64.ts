import { x86_64Processor } from "../../../protocol/elf/bind/processor.ts";
import type { Machine, MapCall } from "./machine.ts";

/** Places in `struct user_regs_struct`, in units of 8 bytes (sys/user.h). */
// biome-ignore format: a table
const register = {
  r15: 0, r14: 1, r13: 2, r12: 3, rbp: 4, rbx: 5, r11: 6, r10: 7, r9: 8, r8: 9, rax: 10, rcx: 11, rdx: 12, rsi: 13, rdi: 14,
  systemCall: 15, rip: 16, cs: 17, eflags: 18, rsp: 19, ss: 20,
  threadPointer: 21,
} as const;
type Register = keyof typeof register;

const restart = { systemCall: -512, noInterrupt: -513, noHandler: -514, block: -516 };
const interrupted = -4;
const restartSystemCall = 219;
/**
 * System calls that end with EINTR after a stop and that the kernel does not make again by itself (signal(7)), less those that
 * may have done something already: each of these has done nothing when it says EINTR.
 * read write readv writev, connect accept accept4, sendto recvfrom sendmsg recvmsg recvmmsg sendmmsg, semop semtimedop,
 * rt_sigtimedwait, io_getevents io_pgetevents io_uring_enter, epoll_wait epoll_pwait epoll_pwait2
 */
const repeatable = new Set([
  0, 1, 19, 20, 42, 43, 288, 44, 45, 46, 47, 299, 307, 65, 220, 128, 208, 333, 426, 232, 281, 441,
]);

/** Those that a callee leaves as they were, and the two pointers (System V ABI for x86-64, 3.2.1 and figure 3.36). */
// biome-ignore format: a table
const dwarfNumbers: readonly [Register, number][] = [
  ["rbx", 3], ["rbp", 6], ["rsp", 7], ["r12", 12], ["r13", 13], ["r14", 14], ["r15", 15], ["rip", 16],
];
const syscallReturn = Buffer.from([0x0f, 0x05, 0xc3]);
/** glibc's __start_context, which nothing describes: mov %rbx, %rsp; then mov (%rsp), %rdi or, where it knows shadow stacks, testl %fs: */
const contextEnds = [
  Buffer.from([0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24]),
  Buffer.from([0x48, 0x89, 0xdc, 0x64, 0xf7, 0x04, 0x25]),
];
const syscallBytes = 2;
/** struct ucontext, without what the C library adds */
const contextBytes = 304;
/** mov $15 (rt_sigreturn), %rax or %eax; syscall */
const signalReturns = [
  Buffer.from([0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]),
  Buffer.from([0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]),
];

/** x86-64 Linux, as the System V ABI and the kernel's arch/x86 have it. */
export const x86_64: Machine = {
  ...x86_64Processor,
  registerBytes: 27 * 8,
  extendedRegisters: 0x202,
  instructionPointer: (registers) => getNumber(registers, "rip"),
  stackPointer: (registers) => getNumber(registers, "rsp"),

  preservedRegisters: (registers) => new Map(dwarfNumbers.map(([name, number]) => [number, getWhole(registers, name)])),
  hasSameFrame: (registers, other) => dwarfNumbers.every(([name]) => get(registers, name) === get(other, name)),
  signalMark(registers) {
    // cs, gs, fs and ss, of 2 bytes each; the kernel saves the middle two as 0
    const mark = Buffer.alloc(8);
    mark.writeUInt16LE(getSmall(registers, "cs") & 0xffff, 0);
    mark.writeUInt16LE(getSmall(registers, "ss") & 0xffff, 6);
    return mark;
  },
  savedStackPointerBefore: 24,
  pointerKeyAt: 0x30,
  // glibc's PTR_MANGLE (sysdeps/unix/sysv/linux/x86_64/pointer_guard.h): exclusive or, then rotated left by 17
  mangledPrefix(key) {
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16LE(Number((key >> 47n) & 0xffffn));
    return prefix;
  },
  unmangle: (word, key) => Number((((word >> 17n) | (word << 47n)) & (2n ** 64n - 1n)) ^ key),
  isContextEnd: (code) => contextEnds.some((pattern) => pattern.equals(code.subarray(0, pattern.length))),
  contextEndBytes: 7,
  stackRegister: 7,
  longestCall: 7,
  endsWithCall(code) {
    const direct = code.length - 5;
    if (code[direct] === 0xe8) return true;
    return [2, 3, 4, 6, 7].some((size) => {
      const at = code.length - size;
      return code[at] === 0xff && indirectCallBytes(code, at + 1) === size;
    });
  },

  endedWithEintr: (registers) =>
    getSmall(registers, "rax") === interrupted && repeatable.has(getSmall(registers, "systemCall")),

  rewindSystemCall(registers, fromTheStart) {
    const number = getSmall(registers, "systemCall");
    if (number < 0) return;
    const result = getSmall(registers, "rax");
    const byBlock = result === restart.block && !fromTheStart;
    if (!Object.values(restart).includes(result) && !this.endedWithEintr(registers)) return;
    set(registers, "rax", BigInt(byBlock ? restartSystemCall : number));
    set(registers, "systemCall", -1n);
    set(registers, "rip", get(registers, "rip") - BigInt(syscallBytes));
  },

  isInSystemCall: (registers) => getSmall(registers, "systemCall") >= 0,
  repeatSystemCall(registers) {
    set(registers, "rax", get(registers, "systemCall"));
    set(registers, "systemCall", -1n);
    set(registers, "rip", get(registers, "rip") - BigInt(syscallBytes));
  },
  dropSystemCall: (registers) => set(registers, "systemCall", -1n),
  threadPointer: (registers) => getNumber(registers, "threadPointer"),

  encodeJump(from, to) {
    const distance = to - (from + 5);
    if (Math.abs(distance) >= 2 ** 31) return null;
    const jump = Buffer.from([0xe9, 0, 0, 0, 0]);
    jump.writeInt32LE(distance, 1);
    return jump;
  },
  decodeJump: (bytes, at) => (bytes[0] === 0xe9 ? at + 5 + bytes.readInt32LE(1) : null),

  gadgetBytes: 9,
  findGadgets(code, address) {
    const call = code.indexOf(syscallReturn);
    const back = Math.max(...signalReturns.map((pattern) => code.indexOf(pattern)));
    return {
      ...(call >= 0 && { syscallReturn: address + call }),
      ...(back >= 0 && { signalReturn: address + back }),
    };
  },

  frameBytes: (extended) => extended.length + contextBytes + 8 + 8 + 4 + 64,
  returnFrame(registers, extended, mask, gadgets, end, nonce) {
    // from the lowest address: return address to the gadget, struct ucontext, the nonce, the extended registers
    const stateBytes = extended.length;
    const state = alignDown(end - stateBytes - 4, 64);
    const context = state - contextBytes - 8;
    const address = context - 8;
    const bytes = Buffer.alloc(state + stateBytes + 4 - address);
    bytes.writeBigUInt64LE(BigInt(gadgets.signalReturn), 0);
    const at = (offset: number) => context - address + offset;
    bytes.writeUInt32LE(7, at(24)); // stack_t.ss_flags that the kernel ignores, so the alternate stack stays as it is
    const restored = Buffer.from(registers);
    this.rewindSystemCall(restored, true);
    for (const [index, name] of contextOrder.entries()) bytes.writeBigInt64LE(get(restored, name), at(40 + 8 * index));
    bytes.writeUInt16LE(getSmall(restored, "cs"), at(40 + 8 * 18));
    bytes.writeUInt16LE(getSmall(restored, "ss"), at(40 + 8 * 18 + 6));
    bytes.writeBigUInt64LE(BigInt(state), at(40 + 8 * 23));
    mask.copy(bytes, at(296));
    nonce.copy(bytes, at(contextBytes), 0, 8);
    writeState(bytes, state - address, extended);
    return { address, bytes, stackPointer: address };
  },

  callRegisters(registers, call, gadgets, stackPointer, isAtEntry) {
    const result = Buffer.from(registers);
    const [number, ...values] = systemCall(call);
    set(result, "rax", BigInt(number));
    set(result, "systemCall", isAtEntry ? BigInt(number) : -1n);
    set(result, "rip", BigInt(gadgets.syscallReturn + (isAtEntry ? syscallBytes : 0)));
    set(result, "rsp", BigInt(stackPointer));
    for (const [index, name] of argumentOrder.entries()) set(result, name, BigInt(values[index] ?? 0));
    return result;
  },
  isCall(registers, call) {
    const [number, ...values] = systemCall(call);
    const isSame = argumentOrder.every((name, index) => get(registers, name) === BigInt(values[index] ?? 0));
    return isSame && getSmall(registers, "systemCall") === number;
  },
  callResult: (registers) => Number(get(registers, "rax")),
};

const argumentOrder: readonly Register[] = ["rdi", "rsi", "rdx", "r10", "r8", "r9"];
/** Order of `struct sigcontext` (asm/sigcontext.h); cs, the error fields and the pointer to the state follow. */
// biome-ignore format: a table
const contextOrder: readonly Register[] = [
  "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip", "eflags",
];

const protections = { read: 1, write: 1 | 2, execute: 1 | 4 } as const;
const mapFlags = { private: 0x02, fixed: 0x10, anonymous: 0x20, fixedNoReplace: 0x10_0000 } as const;

/** Number and arguments of mmap(2). */
function systemCall({ address, size, protection, overOwn }: MapCall): [number, ...number[]] {
  const where = overOwn ? mapFlags.fixed : mapFlags.fixedNoReplace;
  return [9, address, size, protections[protection], mapFlags.private | mapFlags.anonymous | where, -1, 0];
}

/** Writes the extended registers in the form that a return from a signal takes (asm/sigcontext.h, struct _fpx_sw_bytes). */
function writeState(bytes: Buffer, at: number, extended: Buffer): void {
  extended.copy(bytes, at);
  const features = extended.readBigUInt64LE(464);
  bytes.writeUInt32LE(0x46505853, at + 464);
  bytes.writeUInt32LE(extended.length + 4, at + 468);
  bytes.writeBigUInt64LE(features, at + 472);
  bytes.writeUInt32LE(extended.length, at + 480);
  bytes.writeUInt32LE(0x46505845, at + extended.length);
}

/** How long the indirect call is whose second byte, ModRM, lies at `at`; 0 where it is none (Intel SDM 2, 2.1.5: /2). */
function indirectCallBytes(code: Buffer, at: number): number {
  const [byte = 0, scaled = 0] = code.subarray(at);
  const [mode, operation, register] = [byte >> 6, (byte >> 3) & 7, byte & 7];
  if (operation !== 2) return 0;
  if (mode === 3) return 2;
  const scaleBytes = register === 4 ? 1 : 0;
  const hasBase = register === 4 ? (scaled & 7) !== 5 : register !== 5;
  const displacement = mode === 1 ? 1 : mode === 2 || !hasBase ? 4 : 0;
  return 2 + scaleBytes + displacement;
}

function getWhole(registers: Buffer, name: Register): bigint {
  return registers.readBigUInt64LE(register[name] * 8);
}
function get(registers: Buffer, name: Register): bigint {
  return registers.readBigInt64LE(register[name] * 8);
}
function set(registers: Buffer, name: Register, value: bigint): void {
  registers.writeBigInt64LE(value, register[name] * 8);
}
/** An address, which is below 2^48; without a BigInt, for there is one of these for each thread during a stop. */
function getNumber(registers: Buffer, name: Register): number {
  return registers.readUInt32LE(register[name] * 8) + registers.readUInt32LE(register[name] * 8 + 4) * 2 ** 32;
}
/** A number that fits 32 bits, such as a system call's or an errno. */
function getSmall(registers: Buffer, name: Register): number {
  return registers.readInt32LE(register[name] * 8);
}
function alignDown(value: number, to: number): number {
  return Math.floor(value / to) * to;
}
