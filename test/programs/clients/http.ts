import type { Client } from "../load.ts";
import { dial } from "./text.ts";

/** Asks for a page over one connection that is kept open, and compares each byte of its body. */
export async function httpClient(port: number, path: string, body: string): Promise<Client> {
  const conversation = await dial(port);
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  return {
    async ask() {
      const reply = await conversation.exchange(request, isWholeReply);
      return reply.startsWith("HTTP/1.1 200") && bodyOf(reply) === body;
    },
    close: conversation.close,
  };
}

function isWholeReply(received: string): boolean {
  const length = /^content-length: (\d+)/im.exec(received)?.[1];
  return length !== undefined && received.includes("\r\n\r\n") && bodyOf(received).length >= Number(length);
}

function bodyOf(reply: string): string {
  return reply.slice(reply.indexOf("\r\n\r\n") + 4);
}
