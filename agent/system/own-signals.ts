import koffi from "koffi";

/** Numbers on x86-64, where alone this is asked for. */
const systemCall = { getThreadId: 186, createTimer: 222, setTimer: 223 };
const monotonicClock = 1;
const signalToThread = 4;
const childSignal = 17;
const killSignal = 9;
const signalToProcess = 0;
/** A real-time signal from the upper end, where neither Node nor the C library has any. */
const timerSignal = 62;
/** `struct sigaction` of the C library on x86-64: handler, mask of 128 bytes, flags, restorer. */
const flagsAt = 136;
const noStopsOfChildren = 1;
const periodNanos = 20_000_000;

/** What this process does with its own signals while it traces another. */
export type OwnSignals = {
  /** From now on ends this thread's blocking system calls with EINTR, every 20 ms. False where the system gives no timer. */
  beginWakeUps(): boolean;
  endWakeUps(): void;
  /**
   * Has the kernel send no signal when a thread that we trace stops: Node listens for one wherever it has a child, and would be interrupted
   * for every thread of the target. Ends of children are told as before. To be said again once Node listens anew.
   */
  ignoreStops(): void;
  /** Has the kernel end this process after so many seconds, whatever it then waits for; 0: not any more. */
  endAfter(seconds: number): void;
};

/**
 * The timer's signal reaches the thread alone that calls this; what handles it is a function of the C library that does nothing.
 *
 * @see timer_create(2), SIGEV_THREAD_ID; signal(7), "Interruption of system calls"; sigaction(2), SA_NOCLDSTOP
 */
export function ownSignals(): OwnSignals {
  const libc = koffi.load(null);
  const call: (number: number, ...values: unknown[]) => number = libc.func(
    "long syscall(long number, long a, void *b, void *c, void *d)",
  );
  const sigaction: (signal: number, action: Buffer | null, old: Buffer | null) => number = libc.func(
    "int sigaction(int signal, void *action, void *old)",
  );
  const nothing = Buffer.alloc(256);
  nothing.writeBigUInt64LE(BigInt(koffi.address(libc.symbol("abs", "int"))), 0);
  const event = Buffer.alloc(64);
  event.writeInt32LE(timerSignal, 8);
  event.writeInt32LE(signalToThread, 12);
  event.writeInt32LE(call(systemCall.getThreadId, 0, null, null, null), 16);
  const timer = Buffer.alloc(8);
  const hasTimer =
    sigaction(timerSignal, nothing, null) === 0 &&
    call(systemCall.createTimer, monotonicClock, event, timer, null) === 0;
  const never = Buffer.alloc(32);
  const often = Buffer.alloc(32);
  // again and again, because the first may come right before a call begins to wait
  for (const at of [8, 24]) often.writeInt32LE(periodNanos, at);
  const setTimer = (times: Buffer) => call(systemCall.setTimer, timer.readInt32LE(0), null, times, null) === 0;
  const current = Buffer.alloc(256);
  const lastEvent = Buffer.alloc(64);
  lastEvent.writeInt32LE(killSignal, 8);
  lastEvent.writeInt32LE(signalToProcess, 12);
  const lastTimer = Buffer.alloc(8);
  const hasLastTimer = call(systemCall.createTimer, monotonicClock, lastEvent, lastTimer, null) === 0;
  const lastTime = Buffer.alloc(32);
  return {
    beginWakeUps: () => hasTimer && setTimer(often),
    endWakeUps: () => void (hasTimer && setTimer(never)),
    ignoreStops() {
      if (sigaction(childSignal, null, current) !== 0) return;
      const flags = current.readInt32LE(flagsAt);
      if ((flags & noStopsOfChildren) !== 0) return;
      current.writeInt32LE(flags | noStopsOfChildren, flagsAt);
      sigaction(childSignal, current, null);
    },
    endAfter(seconds) {
      lastTime.writeUInt32LE(seconds, 16);
      if (hasLastTimer) call(systemCall.setTimer, lastTimer.readInt32LE(0), null, lastTime, null);
    },
  };
}
