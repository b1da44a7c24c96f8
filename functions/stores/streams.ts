import { type Attributes, unmarshal } from "./attributes.ts";
import { type TableDefinition, tableName, tables } from "./tables.ts";

/** One change, as a stream has it, as far as it is used here. */
export type StreamRecord = {
  eventSourceARN: string;
  dynamodb: {
    SequenceNumber: string;
    /** seconds since the epoch */
    ApproximateCreationDateTime: number;
    Keys: Attributes;
    NewImage?: Attributes | undefined;
    OldImage?: Attributes | undefined;
  };
};
/** What a Lambda gets from a table's stream. */
export type StreamEvent = { Records: StreamRecord[] };

/** Names of the tables, as their definitions have them. */
type TableName = (typeof tables)[keyof typeof tables]["name"];
type Row = Record<string, unknown>;
/** One change of one row: `newImage` is absent after a deletion, `oldImage` before a creation. */
export type TableChange = {
  /** the same however often the change comes, and in a table's order */
  id: string;
  /** milliseconds since the epoch */
  at: number;
  table: TableName;
  keys: Row;
  newImage?: Row;
  oldImage?: Row;
};

const names = new Map<string, TableName>(
  Object.values(tables).map((definition) => [tableName(definition satisfies TableDefinition), definition.name]),
);

/**
 * The changes in a batch from a stream, oldest first for each row. A batch may come twice.
 * Throws TypeError for a record of a table that is not ours: then the stream is connected wrongly.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function tableChanges(event: StreamEvent): TableChange[] {
  return event.Records.map(toChange);
}

/** One of them. */
export function toChange({ eventSourceARN, dynamodb }: StreamRecord): TableChange {
  const { Keys, NewImage, OldImage, SequenceNumber, ApproximateCreationDateTime } = dynamodb;
  const table = names.get(/:table\/([^/]+)\/stream\//.exec(eventSourceARN)?.[1] ?? "");
  if (table === undefined) throw new TypeError(`${eventSourceARN} is no stream of this service`);
  return {
    // Of at most 40 digits, which rise within one table's stream
    id: `${table}/${SequenceNumber.padStart(40, "0")}`,
    at: ApproximateCreationDateTime * 1000,
    table,
    keys: unmarshal(Keys),
    ...(NewImage && { newImage: unmarshal(NewImage) }),
    ...(OldImage && { oldImage: unmarshal(OldImage) }),
  };
}
