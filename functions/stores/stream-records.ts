import {
  type _Record,
  DynamoDBStreamsClient,
  type DynamoDBStreamsClientConfig,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import type { Attributes } from "./attributes.ts";
import type { StreamRecord } from "./streams.ts";

type Range = { streamArn: string; shardId: string; startSequenceNumber: string; endSequenceNumber: string };

/**
 * The records of a stream from one sequence number to another, both included. A stream keeps them for 24 hours: of what is older nothing
 * comes back.
 */
export async function readStreamRecords(range: Range, config: DynamoDBStreamsClientConfig): Promise<StreamRecord[]> {
  const { streamArn: StreamArn, shardId: ShardId, startSequenceNumber: SequenceNumber } = range;
  const client = new DynamoDBStreamsClient(config);
  const last = BigInt(range.endSequenceNumber);
  const found: StreamRecord[] = [];
  try {
    const start = { StreamArn, ShardId, SequenceNumber, ShardIteratorType: "AT_SEQUENCE_NUMBER" } as const;
    let iterator = (await client.send(new GetShardIteratorCommand(start))).ShardIterator;
    while (iterator !== undefined) {
      const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
      const all = Records.map((record) => toStreamRecord(StreamArn, record));
      const within = all.filter(({ dynamodb }) => BigInt(dynamodb.SequenceNumber) <= last);
      found.push(...within);
      if (all.length === 0 || within.length < all.length) break;
      iterator = NextShardIterator;
    }
  } catch (error) {
    if (!(error instanceof Error && error.name === "TrimmedDataAccessException")) throw error;
  } finally {
    client.destroy();
  }
  return found;
}

/** A record as a Lambda gets it. */
export function toStreamRecord(eventSourceARN: string, { dynamodb }: _Record): StreamRecord {
  return {
    eventSourceARN,
    dynamodb: {
      SequenceNumber: dynamodb?.SequenceNumber ?? "",
      ApproximateCreationDateTime: (dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1000,
      Keys: { ...dynamodb?.Keys } as Attributes,
      NewImage: dynamodb?.NewImage as Attributes | undefined,
      OldImage: dynamodb?.OldImage as Attributes | undefined,
    },
  };
}
