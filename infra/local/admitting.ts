import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { isOwn } from "../../functions/viewer-address.ts";
import { SutureError } from "../../protocol/errors.ts";
import { problemType, toProblem } from "../../protocol/wire/problem.ts";
import type { Admission, Arrival } from "./admission.ts";

/** Seconds after which a refused client may come again: what is worked on takes less. */
const retryAfter = 2;

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<unknown>;

/**
 * Answers what `admission` lets in, and the rest with 503 and Retry-After before anything is done for it. A request has its place until
 * its work has ended and its answer is sent or its connection gone: who leaves and comes again makes no more work than who stays.
 */
export function admitting(admission: Admission, answer: Answer): RequestListener {
  const refusal = refusalBody();
  /** connections that are closed after an answer that is under way: what else they sent is not looked at */
  const closing = new WeakSet<Socket>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    if (closing.has(socket)) return;
    const admitted = admission.enter(arrivalOf(incoming));
    if ("leave" in admitted) {
      void Promise.allSettled([closed(incoming, outgoing), answer(incoming, outgoing)]).then(admitted.leave);
      return;
    }
    const headers = { "content-type": problemType, "cache-control": "no-store", "retry-after": String(retryAfter) };
    if (admitted.refused === "connection") {
      closing.add(socket);
      socket.pause();
      outgoing.shouldKeepAlive = false;
    }
    outgoing.writeHead(503, headers).end(refusal);
  };
}

function arrivalOf({ url = "/", headers, socket }: IncomingMessage): Arrival {
  const { remoteAddress } = socket;
  const length = headers["content-length"];
  const isOpenEnded = headers["transfer-encoding"] !== undefined;
  return {
    path: url,
    connection: socket,
    address: remoteAddress === undefined || isOwn(remoteAddress) ? undefined : remoteAddress,
    bodyBytes: isOpenEnded ? undefined : Number(length ?? 0),
  };
}

/** Until the answer is sent or can never be. Node tells it only of the answer that has the connection, not of those that wait for it. */
async function closed({ socket }: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    let isClosed = false;
    const gone = () => setImmediate(() => isClosed || outgoing.emit("close"));
    outgoing.once("close", () => {
      isClosed = true;
      socket.removeListener("close", gone);
      resolve();
    });
    socket.once("close", gone);
  });
}

function refusalBody(): string {
  const data = { retryAfter };
  return JSON.stringify(toProblem(new SutureError("unavailable", "The service has too much to do", { data })));
}
