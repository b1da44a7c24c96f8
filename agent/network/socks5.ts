import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { SutureError } from "../../protocol/errors.ts";

/** Why a SOCKS server did not connect, by its reply. @see RFC 1928, section 6 */
const replies = [
  "",
  "it failed",
  "its rules do not allow it",
  "the network is unreachable",
  "the host is unreachable",
  "the connection was refused",
  "its time ran out",
  "it does not know the command",
  "it does not know the kind of address",
];

/**
 * A connection to a host through a SOCKS5 server, which resolves the name. Throws `unreachable`.
 * @see RFC 1928, and RFC 1929 for the user's name and password
 */
export async function connectSocks5(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: proxy.hostname.replace(/^\[|\]$/g, ""), port: Number(proxy.port || 1080) });
  const end = () => socket.destroy(new Error("its time ran out"));
  signal.addEventListener("abort", end, { once: true });
  try {
    await once(socket, "connect");
    const read = reader(socket);
    const [user, password] = [proxy.username, proxy.password].map((text) => Buffer.from(decodeURIComponent(text)));
    const hasUser = user !== undefined && password !== undefined && user.length > 0;
    socket.write(Uint8Array.from(hasUser ? [5, 2, 0, 2] : [5, 1, 0]));
    const [version, method] = await read(2);
    if (version !== 5) throw refused("it is no SOCKS5 server");
    if (method === 2 && hasUser) {
      socket.write(Buffer.concat([Uint8Array.of(1), sized(user), sized(password)]));
      const [, status] = await read(2);
      if (status !== 0) throw refused("it does not know this user and password");
    } else if (method !== 0) throw refused("it wants a user and a password");
    socket.write(Buffer.concat([Uint8Array.of(5, 1, 0), addressOf(host), Uint8Array.of(port >> 8, port & 255)]));
    const [, reply = 1, , kind] = await read(4);
    if (reply !== 0) throw refused(replies[reply] ?? `it answered ${reply}`);
    // where it connected from, which nobody needs
    await read((kind === 4 ? 16 : kind === 3 ? ((await read(1))[0] ?? 0) : 4) + 2);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

function refused(reason: string): SutureError {
  return new SutureError("unreachable", reason);
}

function sized(bytes: Buffer): Buffer {
  if (bytes.length > 255) throw refused("a user's name or password is longer than SOCKS5 can say");
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

function addressOf(host: string): Buffer {
  const family = isIP(host);
  if (family === 4) return Buffer.from([1, ...host.split(".").map(Number)]);
  if (family === 6) return Buffer.concat([Uint8Array.of(4), bytesOfIpv6(host)]);
  return Buffer.concat([Uint8Array.of(3), sized(Buffer.from(host))]);
}

function bytesOfIpv6(host: string): Buffer {
  const whole = host.replace(/%.*$/, "");
  const [front = "", back] = whole.split("::");
  const groups = (text: string | undefined) => (text === undefined || text === "" ? [] : text.split(":"));
  const [first, last] = [groups(front), groups(back)];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  return Buffer.from(
    [...first, ...zeros, ...last].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]),
  );
}

/** Reads so many bytes, and none beyond: what follows belongs to whoever gets the connection. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  return async (length) => {
    for (;;) {
      const bytes: Buffer | null = socket.read(length);
      if (bytes?.length === length) return bytes;
      if (socket.readableEnded || socket.destroyed) throw refused("it ended the connection");
      await Promise.race([once(socket, "readable"), once(socket, "close")]);
    }
  };
}
