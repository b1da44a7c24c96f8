import type { Config } from "../config/config.ts";
import { leaveFleet } from "../enrolment/leave.ts";
import { openAgent, withLock } from "../open.ts";
import { readEnrolment } from "../state/identity.ts";
import { forgetIdentity } from "../state/image.ts";
import { dropNextIdentity } from "../state/next-identity.ts";
import { isOnHost } from "../state/patches.ts";
import type { Result } from "./output.ts";

/**
 * `suture-agent unenroll`: retires this machine at the service and forgets who it was. What is applied stays, and a later enrolment
 * takes it over.
 */
export async function unenroll({ config, offline }: { config: Config; offline: boolean }): Promise<Result> {
  const { state } = config;
  const { machine, customer } = readEnrolment(state);
  const kept = await withLock(state, async () => {
    const agent = await openAgent(config, () => {});
    if (!offline) await leaveFleet(agent);
    // First what might take its place
    dropNextIdentity(state);
    forgetIdentity(state);
    return agent.patches.all().filter(isOnHost);
  });
  const patches = kept.map(({ patch }) => patch);
  const lines = [
    offline
      ? `This host has forgotten that it was ${machine} of ${customer}. The service retires it after 90 days of silence.`
      : `${machine} of ${customer} is retired. Its seats are free.`,
    ...(patches.length === 0
      ? []
      : [`Stays applied until it is enrolled again and says otherwise: ${patches.join(", ")}`]),
  ];
  return { json: { machine, customer, retired: !offline, patches }, text: lines.join("\n") };
}
