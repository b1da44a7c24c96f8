import { z } from "zod";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { Attributes } from "../stores/attributes.ts";
import type { StreamRecord } from "../stores/streams.ts";
import type { SetAside } from "./consume.ts";

/** What a queue's message may hold with its own envelope, and what of a row stays in one that would be longer. Bytes. */
const mostBytes = 200_000;
const mostValue = 4096;

/** Which of a stream's records the platform gave up: it says where they are, and not what they are. */
export const GivenUp = z.object({
  DDBStreamBatchInfo: z.object({
    shardId: z.string(),
    streamArn: z.string(),
    startSequenceNumber: z.string(),
    endSequenceNumber: z.string(),
    batchSize: z.number(),
  }),
});
export type GivenUp = z.infer<typeof GivenUp>["DDBStreamBatchInfo"];

const Message = z.union([GivenUp, z.object({ record: z.custom<StreamRecord>(), reason: z.string() })]);

/** The text of a message about a change that was set aside. A row that is too long for it goes without its long values. */
export function setAsideMessage({ record, reason }: SetAside): string {
  const text = JSON.stringify({ record, reason });
  if (Buffer.byteLength(text) <= mostBytes) return text;
  const { NewImage, OldImage, ...rest } = record.dynamodb;
  const dynamodb = {
    ...rest,
    ...(NewImage && { NewImage: shortened(NewImage) }),
    ...(OldImage && { OldImage: shortened(OldImage) }),
  };
  return JSON.stringify({ record: { ...record, dynamodb }, reason });
}

/**
 * What a message of a consumer's queue of retries is about.
 * @throws SutureError `internal`
 */
export function readSetAside(text: string): { record: StreamRecord } | { givenUp: GivenUp } {
  const message = parseJson(Message, text, "message of retries", "internal");
  return "record" in message ? { record: message.record } : { givenUp: message.DDBStreamBatchInfo };
}

function shortened(image: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(image).filter(([, value]) => Buffer.byteLength(JSON.stringify(value)) <= mostValue),
  );
}
