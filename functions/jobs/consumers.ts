import type { tables } from "../stores/tables.ts";

type TableKey = keyof typeof tables;
type Consumer = {
  /** the tables whose streams it reads */
  follows: readonly TableKey[];
  /** how long changes are gathered before it is called; seconds */
  windowSeconds: number;
};

/**
 * Who reads the tables' streams: one consumer for each purpose, each a function of its own, with its own position in each stream, so that
 * none waits for another. AWS (`infra/stacks/jobs.ts`) and the embedded stack (`infra/local/jobs.ts`) are both made from this list. The
 * epochs come first and alone: nothing delays that machines hear of a change, least of all of a recall. A shard of a stream bears two
 * readers.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
export const consumers = {
  /** which scopes have changed, for polls: at most one write a second */
  epochs: {
    follows: ["customers", "subscriptions", "policies", "pins", "rollouts", "patches", "patchHolds", "recalls"],
    windowSeconds: 1,
  },
  /** begins and ends rollouts with their patches, and logs what became of the patches */
  rollouts: { follows: ["patches", "subscriptions"], windowSeconds: 0 },
  /** counts what machines came to */
  outcomes: { follows: ["states"], windowSeconds: 1 },
  /** judges the rollouts whose counts have moved */
  judgements: { follows: ["counts"], windowSeconds: 1 },
  /** keeps the index of the fleet. A machine that is told to apply has mostly reported within its window, and its place in the lists changes once instead of twice */
  fleet: { follows: ["machines", "states"], windowSeconds: 20 },
  /** logs what jobs changed by themselves */
  audit: { follows: ["rollouts", "patchHolds", "repositories", "roles", "seats"], windowSeconds: 1 },
} as const satisfies Record<string, Consumer>;

export type ConsumerName = keyof typeof consumers;
export const consumerNames = Object.keys(consumers) as ConsumerName[];

/** How a stream's batch is tried again: what the platform does where a consumer failed as a whole. */
export const streamRetries = {
  batchSize: 1000,
  /** after so many tries a batch goes to the consumer's queue of retries, so that what is behind it goes on */
  attempts: 50,
  /** or once it is so old */
  maxAgeHours: 6,
};

/** How a change is tried again that was set aside; then it is kept for people, with an alarm. */
export const setAsideRetries = { delaySeconds: 30, attempts: 5 };
