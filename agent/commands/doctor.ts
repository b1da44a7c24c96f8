import { describeError } from "../../protocol/errors.ts";
import { type Check, resultOf } from "../checks/check.ts";
import { configurationChecks } from "../checks/configuration.ts";
import { engineChecks } from "../checks/engines.ts";
import { diskCheck, kernelCheck, offCheck, permissionChecks, stateCheck } from "../checks/host.ts";
import { ownChecks } from "../checks/own-checks.ts";
import { routeCheck, serverChecks } from "../checks/server.ts";
import { standingChecks } from "../checks/standing.ts";
import { trustChecks } from "../checks/trust.ts";
import type { Config } from "../config/config.ts";
import { type ConfigSources, readConfig } from "../config/read.ts";
import { networkHttp } from "../network/http.ts";
import { type Enrolment, enrolmentFile } from "../state/identity.ts";
import { required } from "../state/json-file.ts";
import { sessionFile } from "../state/session.ts";
import type { Http } from "../system/http.ts";
import type { Result } from "./output.ts";

/**
 * `suture-agent doctor`: what may keep this host from being patched, part by part, and how to mend it. Works whatever the configuration
 * and the state are worth, and changes nothing.
 */
export async function doctor({ sources }: { sources: ConfigSources }): Promise<Result> {
  const read = await readConfig(sources);
  const { config } = read;
  const { state, network } = config;
  const http = networkHttp(network);
  const { known, found } = whoItIs(state);
  const server = known?.server ?? config.server ?? undefined;
  const proxyFrom = read.origins.get("network.proxy") ?? "default";
  return resultOf([
    ...configurationChecks(read, sources.environment),
    stateCheck(state),
    diskCheck(state),
    ...permissionChecks(),
    kernelCheck(),
    ...(await part("engines", () => engineChecks(state))),
    ...(await part("health checks", () => ownChecks(config, http))),
    offCheck(state),
    ...(server === undefined ? [] : [routeCheck(server, network, proxyFrom)]),
    ...(await serverChecks(server, http)),
    ...found,
    ...(known === undefined ? [] : await part("standing", () => enrolledChecks(config, known.server, http))),
  ]);
}

/** The machine that this host is; or why there is none. */
function whoItIs(state: string): { known?: Enrolment; found: Check[] } {
  try {
    const known = enrolmentFile(state).read();
    return known === undefined ? { found: [notEnrolled] } : { known, found: [] };
  } catch (error) {
    return { found: [unreadable("enrolment", error)] };
  }
}

/** Looks at one part; what cannot be read keeps no other part from being looked at. */
async function part(name: string, look: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await look();
  } catch (error) {
    return [unreadable(name, error)];
  }
}

function unreadable(name: string, error: unknown): Check {
  return { name, ok: false, detail: describeError(error), mend: "Show whoever helps: suture-agent collect" };
}

const notEnrolled: Check = {
  name: "enrolment",
  ok: false,
  detail: "this host is not enrolled",
  mend: "suture-agent enroll --server URL --token-file FILE",
};

async function enrolledChecks(config: Config, server: string, http: Http): Promise<Check[]> {
  const session = required(sessionFile(config.state), "session.json");
  return [...(await trustChecks(config, server, session, http)), ...standingChecks(config.state, session)];
}
