import { randomUUID } from "node:crypto";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { type Operation, type Operations, TransactionConflict } from "./dynamo.ts";

/** A call that failed, and that another try may do. */
export class CallFailed extends Error {
  /** `refused`: nothing was done. `conflict`: likewise, since another write is at the same item. `lost`: it may have been done. */
  readonly how: "refused" | "conflict" | "lost";

  constructor(how: CallFailed["how"], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.how = how;
  }
}

/** How often a conflict is asked for again: who lost so often had better write to another item, if it can (`split-counts.ts`). */
const conflictAttempts = 5;
const firstPause = 25;
const longestPause = 1000;

/**
 * Sends a call until it is answered, with full jitter from 25 ms on, doubling up to a second. A transaction has one token however often it
 * is sent, so the database does it once. An update that adds to what is there is sent again only where the database said that it did
 * nothing: done twice, it would count twice.
 * @param attempt sends the input once. Throws `CallFailed` where another try may help; what else it throws is thrown
 * @param timeLimitMillis for all tries together
 * @throws SutureError `unavailable`; `TransactionConflict` after 5 conflicts
 */
export async function withRetries<Op extends Operation, T>(
  operation: Op,
  input: Operations[Op]["input"],
  attempt: (input: Operations[Op]["input"], limit: AbortSignal) => Promise<T>,
  timeLimitMillis: number,
): Promise<T> {
  const limit = AbortSignal.timeout(timeLimitMillis);
  const sent = operation === "TransactWriteItems" ? { ClientRequestToken: randomUUID(), ...input } : input;
  let conflicts = 0;
  for (let ceiling = firstPause; ; ceiling = Math.min(2 * ceiling, longestPause)) {
    try {
      return await attempt(sent, limit);
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      const detail = `${operation} failed: ${describeError(error)}`;
      if (error.how === "lost" && !isRepeatable(operation, input))
        throw new SutureError("unavailable", `${detail}. It may have been done all the same`, { cause: error });
      if (error.how === "conflict" && ++conflicts === conflictAttempts)
        throw new TransactionConflict(detail, { cause: error });
      await pause(Math.random() * ceiling, limit);
      if (limit.aborted) throw new SutureError("unavailable", detail, { cause: error });
    }
  }
}

/** Whether a call that is done twice comes to the same as once. A transaction's token sees to it; a sum has none. */
function isRepeatable(operation: Operation, input: object): boolean {
  if (operation !== "UpdateItem") return true;
  return !/\bADD\b|[+-]\s*:\w/.test((input as Operations["UpdateItem"]["input"]).UpdateExpression);
}

const throttling = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "Throttling",
  "RequestLimitExceeded",
  "LimitExceededException",
]);
/** Codes of a cancelled transaction's reasons: its own, not an exception's. */
const passing = new Set(["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);

/**
 * What DynamoDB's answer to a call that it did not do comes to, in whichever transport.
 * @param type the exception's name, as `ThrottlingException`
 * @param status of the HTTP answer
 * @param reasons a cancelled transaction's
 */
export function faultOf(
  operation: Operation,
  { type, message, status, reasons = [] }: Fault,
  cause?: unknown,
): CallFailed | SutureError {
  const sentence = `${type} ${message}`.trim();
  const options = cause === undefined ? {} : { cause };
  const codes = reasons.map(({ Code }) => Code ?? "None").filter((code) => code !== "None");
  if (type === "TransactionConflictException" || codes.includes("TransactionConflict"))
    return new CallFailed("conflict", sentence, options);
  if (throttling.has(type) || (codes.length > 0 && codes.every((code) => passing.has(code))))
    return new CallFailed("refused", sentence, options);
  if (status >= 500 || type === "InternalServerError" || type === "TransactionInProgressException")
    return new CallFailed("lost", sentence, options);
  const detail = `${operation} failed: ${sentence}`;
  if (isTooLarge(sentence) || reasons.some(({ Message = "" }) => isTooLarge(Message)))
    return new SutureError("too-large", detail, options);
  return new SutureError(type === "ValidationException" ? "internal" : "unavailable", detail, options);
}

type Fault = {
  type: string;
  message: string;
  status: number;
  reasons?: readonly { Code?: string | undefined; Message?: string | undefined }[] | undefined;
};

/** "Item size has exceeded the maximum allowed size" and its like: what was sent is more than an item holds. */
function isTooLarge(sentence: string): boolean {
  return /Item size (?:to update )?has exceeded/i.test(sentence);
}

function pause(millis: number, limit: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      limit.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, millis);
    limit.addEventListener("abort", done);
    if (limit.aborted) done();
  });
}
