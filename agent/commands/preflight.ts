import { resultOf } from "../checks/check.ts";
import { engineChecks } from "../checks/engines.ts";
import { diskCheck, stateCheck } from "../checks/host.ts";
import { ownChecks } from "../checks/own-checks.ts";
import { serverChecks } from "../checks/server.ts";
import type { Config } from "../config/config.ts";
import { networkHttp } from "../network/http.ts";
import { enrolmentFile } from "../state/identity.ts";
import type { Result } from "./output.ts";

/** `suture-agent preflight`: whether this host is ready, part by part, and how to mend what is not. Changes nothing. */
export async function preflight({ config, server }: { config: Config; server?: string }): Promise<Result> {
  const { state } = config;
  const address = server ?? enrolmentFile(state).read()?.server ?? config.server ?? undefined;
  const http = networkHttp(config.network);
  return resultOf([
    stateCheck(state),
    diskCheck(state),
    ...(await engineChecks(state)),
    ...(await ownChecks(config, http)),
    ...(await serverChecks(address, http)),
  ]);
}
