import { connect } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import { withinTime } from "../load.ts";

/** A conversation in bytes: what is sent, and when the reply is whole. */
export type Conversation = {
  /** Sends, and resolves with all that came once `isWhole` says so. Rejects where the other side ends or is silent. */
  exchange: (message: string, isWhole: (received: string) => boolean) => Promise<string>;
  close: () => void;
};

/** A conversation over a TCP connection of the loopback. */
export async function dial(port: number): Promise<Conversation> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const opened = Promise.withResolvers<void>();
  socket.once("connect", opened.resolve);
  socket.once("error", opened.reject);
  await withinTime(opened.promise, `a connection to port ${port}`);
  return converse(socket, socket, () => socket.destroy());
}

/** A conversation over two streams, such as a child's input and output. */
export function converse(input: Writable | Duplex, output: Readable | Duplex, close: () => void): Conversation {
  let received = "";
  let waiting: {
    isWhole: (received: string) => boolean;
    resolve: (reply: string) => void;
    reject: (error: Error) => void;
  } | null = null;
  let ended: Error | null = null;
  const end = (error?: Error) => {
    ended ??= error ?? new Error("the connection was closed");
    waiting?.reject(ended);
  };
  output.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
    if (waiting?.isWhole(received) !== true) return;
    const { resolve } = waiting;
    const reply = received;
    [waiting, received] = [null, ""];
    resolve(reply);
  });
  for (const stream of [input, output]) stream.on("error", end);
  output.on("close", () => end());
  output.on("end", () => end());
  return {
    exchange(message, isWhole) {
      if (ended) return Promise.reject(ended);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      waiting = { isWhole, resolve, reject };
      input.write(message, "latin1");
      return withinTime(promise, "a reply");
    },
    close,
  };
}

/** Whether a reply is a whole line. */
export function isLine(received: string): boolean {
  return received.endsWith("\n");
}
