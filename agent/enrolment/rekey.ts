import type { Agent } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { type Enrolment, enrolmentFile } from "../state/identity.ts";
import type { Image } from "../state/image.ts";
import { nextIdentityFolder, takeNextIdentity } from "../state/next-identity.ts";
import { makePrivateDirectory } from "../system/files.ts";
import { joinFleet } from "./join.ts";
import { leaveFleet } from "./leave.ts";

/**
 * Gives this host a new key, and with that a new identity: it is enrolled as a new machine first, then the old one hands in what waits
 * and retires, and then the new one counts. What is applied stays. Cut off anywhere, it goes on with the same new key when it is called
 * again; once the old machine is gone, any start of the agent ends it.
 * @param agent the machine that it was
 * @throws SutureError what enrolling or retiring throws; until both are done the old identity counts
 */
export async function rekey(
  agent: Agent,
  config: Config,
  image: Image,
  enrolAt: typeof joinFleet = joinFleet,
): Promise<Enrolment> {
  const next = nextIdentityFolder(config.state);
  makePrivateDirectory(next);
  const enrolment = enrolmentFile(next).read() ?? (await enrolAt({ ...config, state: next }, image));
  await leaveFleet(agent);
  enrolmentFile(config.state).remove();
  takeNextIdentity(config.state);
  return enrolment;
}
