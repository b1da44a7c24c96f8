import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { type MachineKeys, machineIdOf, signStatement } from "../../protocol/trust/request.ts";
import { EnrolmentToken, pinnedRoot } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Service } from "../round/service.ts";
import type { Enrolment } from "../state/identity.ts";
import type { JsonFile } from "../state/json-file.ts";
import type { RepositoriesStore } from "../state/repositories.ts";
import { newSession, type Session } from "../state/session.ts";
import { pinServiceRoot } from "../trust/trust.ts";

export type EnrolDeps = {
  service: Pick<Service, "enrol" | "publicFile" | "usesMirror">;
  keys: MachineKeys;
  facts: HostFacts;
  hostId: string;
  ephemeral: boolean;
  repositories: RepositoriesStore;
  session: JsonFile<Session>;
  enrolment: JsonFile<Enrolment>;
  /** seconds since the epoch */
  now: number;
};

/**
 * Enrols this host: first the server must hold the root that the token pins, then it gets to see the token. What is kept is written
 * last, so that an enrolment that was cut off is begun again, with the same key, and takes no second use of the token.
 * @throws SutureError `already-enrolled`, `untrusted-metadata`, or what the service answered
 */
export async function enrol(server: string, token: string, deps: EnrolDeps): Promise<Enrolment> {
  const { service, keys, facts, hostId, repositories, session, enrolment, now } = deps;
  const known = enrolment.read();
  if (known !== undefined)
    throw new SutureError("already-enrolled", `This host is ${known.machine} of ${known.customer} at ${known.server}`);
  const pinned = pinnedRoot(parseWith(EnrolmentToken, token, "the enrolment token"));
  await pinServiceRoot({ repositories, service }, pinned);

  const said = { token, facts, ...(deps.ephemeral && { ephemeral: true }) };
  const statement = (iat: number) => signStatement("suture-enrol", { ...said, iat }, keys);
  const answer = await service.enrol(await statement(now)).catch(async (error: unknown) => {
    if (!isSutureError(error, "clock-skew") || typeof error.data.serverTime !== "number") throw error;
    return await service.enrol(await statement(error.data.serverTime));
  });
  const machine = machineIdOf(keys.publicKey);
  if (answer.machine !== machine || answer.serviceRoot !== pinned) {
    throw new SutureError("untrusted-metadata", "The server's answer is for another machine or another service");
  }
  const { customer, group, ephemeral = false } = answer;
  const done = { server, machine, customer, group, enrolledAt: now, ephemeral, hostId, serviceRoot: pinned };
  session.write(newSession(now));
  enrolment.write(done);
  return done;
}
