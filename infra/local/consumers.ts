import { consume, type SetAside, type Work } from "../../functions/jobs/consume.ts";
import { type ConsumerName, consumerNames, consumers } from "../../functions/jobs/consumers.ts";
import type { StreamEvent } from "../../functions/stores/streams.ts";
import { describeError } from "../../protocol/errors.ts";
import type { LocalDynamo } from "./dynamodb.ts";
import { gatherEvents } from "./epochs.ts";
import { followStreams } from "./streams.ts";

type Options = {
  dynamo: LocalDynamo;
  work: Record<ConsumerName, Work>;
  /** milliseconds since the epoch */
  now: () => number;
  log: (line: string) => void;
};

/**
 * Runs the streams' consumers in this process, as the platform does on AWS from the same list: each follows its tables by itself. What one
 * sets aside waits here until `retry` hands it to its consumer again; after a restart the streams bring it again by themselves.
 */
export function startConsumers({ dynamo, work, now, log }: Options) {
  const waiting = new Map<ConsumerName, SetAside[]>(consumerNames.map((name) => [name, []]));

  function handlerOf(name: ConsumerName): (event: StreamEvent) => Promise<void> {
    const handle = (event: StreamEvent) =>
      consume(event, work[name], (changes) => {
        for (const { record, reason } of changes)
          log(`the ${name} job set a change aside: ${JSON.stringify(record.dynamodb.Keys)}: ${reason}`);
        waiting.get(name)?.push(...changes);
        return Promise.resolve();
      });
    // One process has one writer of the record of changes: a second's batches of all tables are one write
    return name === "epochs" ? gatherEvents(handle, now) : handle;
  }

  const following = consumerNames.map((name) =>
    followStreams(dynamo, consumers[name].follows, handlerOf(name), (error) =>
      log(`the ${name} job failed: ${describeError(error)}`),
    ),
  );
  return {
    /** Hands what was set aside to its consumers again. */
    async retry(): Promise<void> {
      for (const [name, changes] of waiting) {
        const Records = changes.splice(0).map(({ record }) => record);
        if (Records.length > 0) await handlerOf(name)({ Records });
      }
    },
    /** How many changes wait there. */
    setAside: (name: ConsumerName) => waiting.get(name)?.length ?? 0,
    async stop(): Promise<void> {
      await Promise.all(following.map((each) => each.stop()));
    },
  };
}
