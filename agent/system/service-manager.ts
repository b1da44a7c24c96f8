import { SutureError } from "../../protocol/errors.ts";

/** What systemd is told of this process. */
export type ServiceManager = {
  /** It has started. */
  ready: () => void;
  /** It goes on: what says so too seldom is killed and started again (WatchdogSec). */
  alive: () => void;
  stopping: () => void;
};

const nobody: ServiceManager = { ready: () => {}, alive: () => {}, stopping: () => {} };
/** From linux/socket.h: AF_UNIX, and SOCK_DGRAM with SOCK_CLOEXEC. */
const socket = { family: 1, datagramCloseOnExec: 0o2000002, longestPath: 107 } as const;

/**
 * The service manager that started this process, by sd_notify(3): a datagram to the socket that `NOTIFY_SOCKET` names, which Node has no
 * socket for. Where nothing is named, nobody is told.
 * @throws SutureError `unavailable` where one is named and no socket can be had
 */
export async function serviceManager(environment: NodeJS.ProcessEnv): Promise<ServiceManager> {
  const path = environment.NOTIFY_SOCKET;
  if (path === undefined || path === "" || Buffer.byteLength(path) > socket.longestPath) return nobody;
  const { default: koffi } = await import("koffi");
  const libc = koffi.load(null);
  const handle: number = libc.func("int socket(int family, int type, int protocol)")(
    socket.family,
    socket.datagramCloseOnExec,
    0,
  );
  if (handle < 0) throw new SutureError("unavailable", "no socket to systemd can be had");
  const send = libc.func(
    "intptr_t sendto(int socket, void *message, size_t size, int flags, void *address, unsigned int addressSize)",
  );
  const address = addressOf(path);
  // A manager that does not listen is no reason to leave a host unpatched
  const tell = (text: string) => {
    const message = Buffer.from(text);
    send(handle, message, message.length, 0, address, address.length);
  };
  return {
    ready: () => tell("READY=1"),
    alive: () => tell("WATCHDOG=1"),
    stopping: () => tell("STOPPING=1"),
  };
}

/** sockaddr_un (unix(7)); a name that begins with @ is in the abstract namespace. */
function addressOf(path: string): Buffer {
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : path);
  const family = Buffer.alloc(2);
  family.writeUInt16LE(socket.family);
  return Buffer.concat([family, name]);
}
