import { z } from "zod";

/** A wish that a repository be brought up to date. Doing it twice changes nothing, so it may arrive twice. */
export const PublishMessage = z.strictObject({ repository: z.string().min(1).max(63) });
export type PublishMessage = z.infer<typeof PublishMessage>;

/** The way to the publish job. One message of a repository at a time: on AWS a FIFO queue with the repository as its group. */
export interface PublishQueue {
  send(message: PublishMessage): Promise<void>;
}

/** How much waits there: what an operator watches. */
export interface QueueGauge {
  /** Messages that were sent and are not worked off; on AWS an estimate. */
  waiting(): Promise<number>;
}
