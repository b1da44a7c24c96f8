import type { IncomingMessage, Server } from "node:http";
import { connect, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";

/** Hears what a proxy was asked for. */
type Note = (what: string) => void;

/** Makes an HTTP server a proxy: CONNECT, and whole addresses for what is not encrypted. Every name leads to this host's loopback. */
export function httpProxy(server: Server, note: Note, user?: string): Server {
  const wanted = user === undefined ? undefined : `Basic ${Buffer.from(user).toString("base64")}`;
  const mayPass = ({ headers }: IncomingMessage) => wanted === undefined || headers["proxy-authorization"] === wanted;
  server.on("connect", (request, socket: Socket) => {
    note(`CONNECT ${request.url}`);
    if (!mayPass(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    join(socket, Number(port), hostname === "[::1]" ? "::1" : "127.0.0.1", "HTTP/1.1 200 OK\r\n\r\n");
  });
  server.on("request", (request, response) => {
    note(`GET ${request.url}`);
    response.end(`forwarded for ${request.headers.host}`);
  });
  return server;
}

/** A SOCKS5 server that wants this user and password, or nobody's (RFC 1928, 1929). Every name leads to this host's loopback. */
export function socksServer(note: Note, user?: string): TcpServer {
  return createTcpServer((socket) => {
    socket.on("error", () => {});
    void serve(socket);
  });

  async function serve(socket: Socket): Promise<void> {
    const chunks = socket[Symbol.asyncIterator]();
    const next = async () => Buffer.from((await chunks.next()).value ?? []);
    const method = user === undefined ? 0 : 2;
    const methods = (await next()).subarray(2);
    if (!methods.includes(method)) {
      socket.end(Uint8Array.of(5, 255));
      return;
    }
    socket.write(Uint8Array.of(5, method));
    if (user !== undefined) {
      const said = await next();
      const end = 2 + (said[1] ?? 0);
      const isRight = user === [said.toString("utf8", 2, end), said.toString("utf8", end + 1)].join(":");
      socket.write(Uint8Array.of(1, isRight ? 0 : 1));
      if (!isRight) {
        socket.end();
        return;
      }
    }
    const request = await next();
    const host = hostOf(request);
    note(`SOCKS ${host}`);
    if (host === "refused.internal") {
      socket.end(Uint8Array.of(5, 2, 0, 1, 0, 0, 0, 0, 0, 0));
      return;
    }
    socket.removeAllListeners("readable");
    const port = request.readUInt16BE(request.length - 2);
    join(socket, port, request[3] === 4 ? "::1" : "127.0.0.1", Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  }
}

function hostOf(request: Buffer): string {
  if (request[3] === 3) return request.toString("utf8", 5, request.length - 2);
  return request[3] === 4 ? request.toString("hex", 4, 20) : [...request.subarray(4, 8)].join(".");
}

function join(one: Socket, port: number, host: string, greeting: string | Uint8Array): void {
  const other = connect({ port, host });
  other.on("error", () => one.destroy());
  one.on("error", () => other.destroy());
  one.on("close", () => other.destroy());
  other.once("connect", () => {
    one.write(greeting);
    one.pipe(other).pipe(one);
  });
}
