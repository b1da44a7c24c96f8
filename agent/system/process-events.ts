import { randomInt } from "node:crypto";
import { statSync } from "node:fs";
import koffi from "koffi";
import { SutureError } from "../../protocol/errors.ts";

/** How a process ended, by wait(2)'s two ways; `core` where the kernel dumped its memory. */
export type HowEnded = { status: number } | { signal: number; core?: true };
/** A process became another program, or ended. */
export type ProcessEvent = { kind: "exec"; pid: number } | { kind: "end"; pid: number; how: HowEnded };

/** netlink(7), linux/connector.h, linux/cn_proc.h; offsets in a message count from its netlink header. */
const family = 16;
const datagramCloseOnExec = 2 | 0o2_000_000;
const connector = 11;
const processGroup = 1;
const option = { level: 1, receiveTimeout: 20, attachFilter: 26, receiveBuffer: 8 } as const;
const orderBytes = 40;
const eventBytes = 76;
const addressBytes = 12;
const at = { what: 36, pid: 52, group: 56, exitCode: 60 } as const;
const what = { answer: 0, exec: 0x0000_0002, exit: 0x8000_0000 } as const;
const listen = 1;
const dontWait = 0x40;
/** In the word that wait(2) gives, beside the signal. */
const dumpedCore = 0x80;
/** The first pid namespace's number in every kernel (linux/proc_ns.h, PROC_PID_INIT_INO). */
const hostPidNamespace = 0xefff_fffc;
const bufferBytes = 1024 * 1024;
const maxMessageBytes = 4096;
/** The longest wait for a message, should the one that is to end it be lost; seconds. */
const waitSeconds = 5;

/**
 * Hears from the kernel of every process of the host that becomes another program or ends, its threads left out by a filter in the
 * kernel. Messages may be lost where too many come at once.
 *
 * @param onLost called where the kernel had to drop messages: look at the host yourself
 * Throws `no-permission` where the kernel does not tell us: it wants CAP_NET_ADMIN and the host's own pid namespace.
 * @see https://docs.kernel.org/driver-api/connector.html
 */
export function listenToProcesses(
  onEvent: (event: ProcessEvent) => void,
  onLost: () => void,
): { close(): Promise<void> } {
  if (statSync("/proc/self/ns/pid").ino !== hostPidNamespace) {
    throw new SutureError("no-permission", "the kernel tells of processes only in the host's own pid namespace");
  }
  const libc = nativeLibrary();
  const setOption = libc.func("int setsockopt(int socket, int level, int name, void *value, unsigned int size)");
  const close = libc.func("int close(int socket)");
  const receive = libc.func("intptr_t recv(int socket, void *into, size_t size, int flags)");
  const socket = openSocket(libc);
  const timeout = Buffer.alloc(16);
  timeout.writeUInt32LE(waitSeconds, 0);
  setOption(socket, option.level, option.receiveTimeout, timeout, timeout.length);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bufferBytes, 0);
  setOption(socket, option.level, option.receiveBuffer, size, size.length);
  const program = filter();
  const filterHead = Buffer.alloc(16);
  filterHead.writeUInt16LE(program.length / 8, 0);
  filterHead.writeBigUInt64LE(koffi.address(program), 8);
  setOption(socket, option.level, option.attachFilter, filterHead, filterHead.length);

  let isClosed = false;
  const buffer = Buffer.alloc(maxMessageBytes);
  const closed = new Promise<void>((resolve) => {
    const next = () =>
      receive.async(socket, buffer, buffer.length, 0, (_: unknown, length: number) => {
        if (isClosed) {
          close(socket);
          resolve();
          return;
        }
        const event = length > 0 ? parse(buffer.subarray(0, length)) : undefined;
        if (event) onEvent(event);
        else if (length < 0 && koffi.errno() === koffi.os.errno.ENOBUFS) onLost();
        next();
      });
    next();
  });
  return {
    close() {
      isClosed = true;
      wakeUp(libc, socket);
      return closed;
    },
  };
}

const nativeLibrary = () => koffi.load(null);

function openSocket(libc: ReturnType<typeof nativeLibrary>): number {
  const [open, bind, send, close] = [
    libc.func("int socket(int family, int type, int protocol)"),
    libc.func("int bind(int socket, void *address, unsigned int size)"),
    libc.func("intptr_t send(int socket, void *message, size_t size, int flags)"),
    libc.func("int close(int socket)"),
  ];
  const refusal = () => {
    const errno = koffi.errno();
    const name = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    return new SutureError("no-permission", `the kernel does not tell this agent of processes (${name})`);
  };
  const socket = open(family, datagramCloseOnExec, connector);
  if (socket < 0) throw refusal();
  const address = Buffer.alloc(addressBytes);
  address.writeUInt16LE(family, 0);
  address.writeUInt32LE(processGroup, 8);
  const isBound = bind(socket, address, address.length) === 0;
  if (isBound && send(socket, orderTo(listen), orderBytes, 0) === orderBytes) return socket;
  const error = refusal();
  close(socket);
  throw error;
}

/**
 * Sends an empty message to the socket itself, which ends its wait for one. Never waits for room in the queue, which this process alone
 * empties: where it is full there is something to be received, and that ends the wait as well.
 */
function wakeUp(libc: ReturnType<typeof nativeLibrary>, socket: number): void {
  const name = libc.func("int getsockname(int socket, void *address, void *size)");
  const send = libc.func(
    "intptr_t sendto(int socket, void *message, size_t size, int flags, void *address, unsigned int addressSize)",
  );
  const address = Buffer.alloc(addressBytes);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(addressBytes, 0);
  name(socket, address, size);
  address.writeUInt32LE(0, 8); // to nobody else in the group
  const message = Buffer.alloc(eventBytes);
  message.writeUInt32LE(eventBytes, 0);
  send(socket, message, eventBytes, dontWait, address, addressBytes);
}

/** A message to the connector, such as PROC_CN_MCAST_LISTEN (1). */
function orderTo(what: number): Buffer {
  const message = Buffer.alloc(orderBytes);
  message.writeUInt32LE(orderBytes, 0);
  message.writeUInt16LE(3, 4); // NLMSG_DONE
  message.writeUInt32LE(randomInt(2 ** 31), 8);
  message.writeUInt32LE(1, 16); // CN_IDX_PROC
  message.writeUInt32LE(1, 20); // CN_VAL_PROC
  message.writeUInt16LE(4, 32);
  message.writeUInt32LE(what, 36);
  return message;
}

/** Lets through answers, a process's exec and the end of its first thread. Classic BPF, which reads words highest byte first. */
function filter(): Buffer {
  const swapped = (word: number) => Buffer.from(Uint32Array.of(word).buffer).readUInt32BE(0);
  const load = 0x20;
  const [toX, equals, equalsX, answer] = [0x07, 0x15, 0x1d, 0x06];
  // [operation, jump if true, jump if false, operand]
  const rules: [number, number, number, number][] = [
    [load, 0, 0, at.what],
    [equals, 6, 0, swapped(what.exec)],
    [equals, 5, 0, what.answer],
    [equals, 0, 5, swapped(what.exit)],
    [load, 0, 0, at.pid],
    [toX, 0, 0, 0],
    [load, 0, 0, at.group],
    [equalsX, 0, 1, 0],
    [answer, 0, 0, maxMessageBytes],
    [answer, 0, 0, 0],
  ];
  const program = Buffer.alloc(8 * rules.length);
  for (const [index, [code, ifTrue, ifFalse, operand]] of rules.entries()) {
    program.writeUInt16LE(code, 8 * index);
    program[8 * index + 2] = ifTrue;
    program[8 * index + 3] = ifFalse;
    program.writeUInt32LE(operand, 8 * index + 4);
  }
  return program;
}

function parse(message: Buffer): ProcessEvent | undefined {
  if (message.length < at.exitCode + 4) return undefined;
  const pid = message.readUInt32LE(at.pid);
  switch (message.readUInt32LE(at.what)) {
    case what.exec:
      return { kind: "exec", pid: message.readUInt32LE(at.group) };
    case what.exit: {
      const code = message.readUInt32LE(at.exitCode);
      const signal = code & 0x7f;
      const bySignal = { signal, ...((code & dumpedCore) !== 0 && { core: true as const }) };
      return { kind: "end", pid, how: signal === 0 ? { status: (code >>> 8) & 0xff } : bySignal };
    }
    default:
      return undefined;
  }
}
