import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { gatherFacts } from "../facts/gather.ts";
import { readHost } from "../facts/host.ts";
import { hostId } from "../facts/host-id.ts";
import { networkHttp } from "../network/http.ts";
import { loadEngines } from "../open.ts";
import { httpService } from "../round/service.ts";
import { type Enrolment, enrolmentFile, machineKeys } from "../state/identity.ts";
import { forgetHost, type Image, imageFile } from "../state/image.ts";
import { takeNextIdentity } from "../state/next-identity.ts";
import { repositoriesStore } from "../state/repositories.ts";
import { sessionFile } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import { enrol } from "./enrol.ts";

/** Enrols this host, on its real network and engines. @throws SutureError what `enrol` throws */
export async function joinFleet({ state, network }: Config, { server, token, ephemeral }: Image): Promise<Enrolment> {
  const engines = await loadEngines(state);
  return await enrol(server, token, {
    service: httpService(server, networkHttp(network)),
    keys: await machineKeys(state),
    facts: await gatherFacts(readHost(), [...engines.values()]),
    hostId: hostId(),
    ephemeral,
    repositories: repositoriesStore(state),
    session: sessionFile(state),
    enrolment: enrolmentFile(state),
    now: secondsOf(systemClock),
  });
}

/** Whether this folder is another host's: it came here in an image, and the identity in it is a copy. */
export function isCopy(state: string, host = hostId()): boolean {
  if (imageFile(state).read() === undefined) return false;
  const known = enrolmentFile(state).read();
  return known !== undefined && known.hostId !== "" && host !== "" && known.hostId !== host;
}

/**
 * Enrols a host that was started from an image, by the image's token: once, and anew where its machine-id has changed since, for then
 * it is a copy of the one that was enrolled. Without an image there is nothing to do.
 * @throws SutureError what enrolling throws; the next call tries again
 */
export async function enrolFromImage(
  config: Config,
  { host = hostId(), join = joinFleet }: { host?: string; join?: typeof joinFleet } = {},
): Promise<void> {
  const { state } = config;
  takeNextIdentity(state);
  const image = imageFile(state).read();
  if (image === undefined) return;
  if (isCopy(state, host)) forgetHost(state);
  if (enrolmentFile(state).read() === undefined) await join(config, image);
}
