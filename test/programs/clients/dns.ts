import { createSocket } from "node:dgram";
import { type Client, withinTime } from "../load.ts";

const headerBytes = 12;
const addressRecord = 1;

/** Asks a name server for the address of a name, and compares what it says. */
export async function dnsClient(port: number, name: string, address: string): Promise<Client> {
  const socket = createSocket("udp4");
  let id = Math.floor(Math.random() * 0x10000);
  const question = Buffer.concat([
    ...name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.from([0, 0, addressRecord, 0, 1]),
  ]);
  const wanted = Buffer.from(address.split(".").map(Number));
  return {
    async ask() {
      id = (id + 1) & 0xffff;
      const header = Buffer.alloc(headerBytes);
      header.writeUInt16BE(id, 0);
      header.writeUInt16BE(0x0100, 2); // recursion desired
      header.writeUInt16BE(1, 4);
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      socket.once("message", resolve);
      socket.once("error", reject);
      socket.send(Buffer.concat([header, question]), port, "127.0.0.1");
      const reply = await withinTime(promise, "a reply").finally(() => socket.removeAllListeners());
      // one answer, whose last four bytes before any further record are the address
      return reply.readUInt16BE(0) === id && reply.readUInt16BE(6) >= 1 && reply.includes(wanted, headerBytes);
    },
    close: () => socket.close(),
  };
}
