/** A wish that a repository be brought up to date. Doing it twice changes nothing, so it may arrive twice. */
export type PublishMessage = { repository: string };

/** The way to the publish job. One message of a repository at a time: on AWS a FIFO queue with the repository as its group. */
export interface PublishQueue {
  send(message: PublishMessage): Promise<void>;
}
