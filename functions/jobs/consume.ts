import { describeError, isSutureError } from "../../protocol/errors.ts";
import { type StreamEvent, type StreamRecord, type TableChange, toChange } from "../stores/streams.ts";
import { eachApart } from "./apart.ts";

/** What a consumer does with some changes. It may do everything twice. */
export type Work = (changes: readonly TableChange[]) => Promise<unknown>;

/** A change that failed by itself, on its way to the consumer's queue of retries. */
export type SetAside = { record: StreamRecord; reason: string };

/** Groups that are tried at the same time once a batch has failed. */
const atOnce = 4;

/**
 * Hands a batch to a consumer so that one change holds up no other. Where the batch fails as a whole its rows are tried by themselves, and
 * of a row that fails its changes. What still fails while others succeed is set aside; it is tried again later, out of the stream's way.
 * Where nothing succeeds because the database cannot be reached, nothing is set aside: the whole batch comes again.
 * @param setAside keeps failed changes for later
 * @throws what the work threw, where the stream is to send the batch again; what `setAside` threw
 */
export async function consume(
  { Records }: StreamEvent,
  work: Work,
  setAside: (changes: readonly SetAside[]) => Promise<void>,
): Promise<void> {
  const failures: (SetAside & { error: unknown })[] = [];
  const fail = (record: StreamRecord, error: unknown) => failures.push({ record, error, reason: describeError(error) });
  const known = Records.flatMap((record) => {
    try {
      return [{ record, change: toChange(record) }];
    } catch (error) {
      fail(record, error);
      return [];
    }
  });
  let isAnyDone = false;
  await attempt(known, splitByRow);

  type Known = (typeof known)[number];
  async function attempt(some: readonly Known[], split: (some: readonly Known[]) => Known[][]): Promise<void> {
    if (some.length === 0) return;
    try {
      await work(some.map(({ change }) => change));
      isAnyDone = true;
    } catch (error) {
      const [only, ...more] = some;
      if (only !== undefined && more.length === 0) fail(only.record, error);
      else await eachApart(split(some), atOnce, (part) => attempt(part, (each) => each.map((one) => [one])));
    }
  }

  const [first] = failures;
  if (first === undefined) return;
  if (!isAnyDone && failures.every(({ error }) => isPassing(error))) throw first.error;
  await setAside(failures.map(({ record, reason }) => ({ record, reason })));
}

function splitByRow<T extends { change: TableChange }>(some: readonly T[]): T[][] {
  return [
    ...Map.groupBy(some, ({ change: { table, keys } }) => JSON.stringify([table, Object.values(keys)[0]])).values(),
  ];
}

/** Whether a failure is the moment's: the database's, or another writer's. */
function isPassing(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isPassing);
  return isSutureError(error, "unavailable") || isSutureError(error, "conflict");
}
