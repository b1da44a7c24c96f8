import koffi from "koffi";
import { SutureError } from "../../protocol/errors.ts";

/** dwControlsAccepted and controls of winsvc.h */
const accept = { stop: 1, shutdown: 4 };
const control = { stop: 1, interrogate: 4, shutdown: 5 };
/** dwCurrentState of winsvc.h */
const state = { stopped: 1, stopPending: 3, running: 4 };
const ownProcess = 0x10;
const notImplemented = 120;
/** How long the service manager is to wait for a step that is under way; milliseconds. */
const stopHint = 60_000;
/** Milliseconds. */
const patience = 30_000;

/**
 * Runs `work` as the service of this process: tells Windows' service manager that it runs, aborts the signal when it is told to stop,
 * and tells that it has stopped. Resolves then; the process must end itself.
 *
 * The dispatcher blocks its thread for good, and calls back on it. A callback must come from a thread that runs no JavaScript: so the
 * dispatcher itself is what a new thread starts with.
 * @throws SutureError `unsupported` where the service manager did not start this process within a while
 * @see https://learn.microsoft.com/windows/win32/services/service-program-tasks
 */
export async function runAsService(name: string, work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const api = serviceApi();
  const stop = new AbortController();
  const started = Promise.withResolvers<(current: number, exitCode?: number) => void>();
  const handler = koffi.register((code: number) => {
    if (code === control.stop || code === control.shutdown) stop.abort();
    return code === control.stop || code === control.shutdown || code === control.interrogate ? 0 : notImplemented;
  }, koffi.pointer(api.Handler));
  const main = koffi.register(() => {
    const handle = api.register(api.text(name), handler, null);
    started.resolve((current, exitCode = 0) => {
      const accepted = current === state.running ? accept.stop | accept.shutdown : 0;
      const hint = current === state.stopPending ? stopHint : 0;
      api.setStatus(handle, { type: ownProcess, current, accepted, exitCode, specific: 0, checkpoint: 0, hint });
    });
  }, koffi.pointer(api.Main));
  api.dispatchOnThread([
    { name: api.text(name), main },
    { name: null, main: null },
  ]);

  const tell = await startOf(started.promise);
  tell(state.running);
  stop.signal.addEventListener("abort", () => tell(state.stopPending), { once: true });
  let exitCode = 0;
  try {
    await work(stop.signal);
  } catch (error) {
    exitCode = 1;
    throw error;
  } finally {
    tell(state.stopped, exitCode);
  }
}

/** The service manager calls at once, or this process is not its own. Until then nothing else keeps the process. */
async function startOf<T>(started: Promise<T>): Promise<T> {
  const words = "Windows' service manager did not start this: use suture-agent run";
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SutureError("unsupported", words)), patience);
  });
  try {
    return await Promise.race([started, impatience]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is used of advapi32.dll and kernel32.dll. */
function serviceApi() {
  const [services, kernel] = [koffi.load("advapi32.dll"), koffi.load("kernel32.dll")];
  const Main = koffi.proto("void __stdcall ServiceMain(uint32 count, void *names)");
  const Handler = koffi.proto("uint32 __stdcall HandlerEx(uint32 control, uint32 type, void *data, void *context)");
  koffi.struct("SERVICE_STATUS", {
    type: "uint32",
    current: "uint32",
    accepted: "uint32",
    exitCode: "uint32",
    specific: "uint32",
    checkpoint: "uint32",
    hint: "uint32",
  });
  const Entry = koffi.struct("SERVICE_TABLE_ENTRYW", { name: "void *", main: koffi.pointer(Main) });
  const moduleOf = kernel.func("void *__stdcall GetModuleHandleW(str16 name)");
  const addressOf = kernel.func("void *__stdcall GetProcAddress(void *module, str name)");
  const createThread = kernel.func(
    "void *__stdcall CreateThread(void *security, uintptr_t stack, void *start, void *parameter, uint32 flags, void *id)",
  );
  return {
    Main,
    Handler,
    register: services.func(
      "void *__stdcall RegisterServiceCtrlHandlerExW(void *name, HandlerEx *handler, void *context)",
    ),
    setStatus: services.func("bool __stdcall SetServiceStatus(void *handle, SERVICE_STATUS *status)"),
    /** Text that stays where it is: the service manager keeps the pointer. */
    text(value: string) {
      const place = koffi.alloc("char16", value.length + 1);
      koffi.encode(place, koffi.array("char16", value.length + 1, "String"), value);
      return place;
    },
    dispatchOnThread(entries: readonly { name: unknown; main: unknown }[]) {
      const table = koffi.alloc(Entry, entries.length);
      koffi.encode(table, koffi.array(Entry, entries.length), entries);
      const dispatch = addressOf(moduleOf("advapi32.dll"), "StartServiceCtrlDispatcherW");
      createThread(null, 0, dispatch, table, 0, null);
    },
  };
}
