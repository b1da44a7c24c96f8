import { native } from "./trace-calls.ts";

const request = { pokeData: 5, setOptions: 0x4200, getRseqConfiguration: 0x420f };
const configuration = Buffer.alloc(64);

/**
 * Whether a stopped thread may stand within a restartable sequence, which must not be gone on with once the thread was interrupted. The
 * kernel forgets where the thread was in one when it stops it, so that a thread which uses them may stand in one wherever it stands in
 * its own code. True also where the kernel does not tell (before Linux 5.13).
 *
 * @see rseq(2); ptrace(2), PTRACE_GET_RSEQ_CONFIGURATION
 */
export function mayUseRestartableSequences(tid: number): boolean {
  const size = native().ptraceBuffer(request.getRseqConfiguration, tid, 24, configuration);
  // struct ptrace_rseq_configuration begins with the address that was registered, 0 where none was
  return size < 8 || configuration.readBigUInt64LE(0) !== 0n;
}

/** Sets the options of a stopped thread (`traceOption`); false where that is not permitted, or the thread is gone. */
export function setTraceOptions(tid: number, options: number): boolean {
  return native().ptrace(request.setOptions, tid, 0, options) === 0;
}

const wordBytes = 8;

/**
 * Writes to the memory of a stopped thread, through any page protection, word by word. `read` gives what surrounds the first and the last.
 *
 * @returns whether the kernel permitted it
 * @see ptrace(2), PTRACE_POKEDATA
 */
export function pokeMemory(
  tid: number,
  address: number,
  bytes: Buffer,
  read: (address: number, size: number) => Buffer,
): boolean {
  const start = Math.floor(address / wordBytes) * wordBytes;
  const size = Math.ceil((address + bytes.length - start) / wordBytes) * wordBytes;
  const words = read(start, size);
  bytes.copy(words, address - start);
  for (let at = 0; at < size; at += wordBytes) {
    if (native().ptrace(request.pokeData, tid, start + at, words.readBigInt64LE(at)) !== 0) return false;
  }
  return true;
}
