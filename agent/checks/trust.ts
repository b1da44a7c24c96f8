import { describeError, SutureError } from "../../protocol/errors.ts";
import { secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { httpService, type Service } from "../round/service.ts";
import { type RepositoriesStore, repositoriesStore } from "../state/repositories.ts";
import type { Session } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import type { Http } from "../system/http.ts";
import { openTrust } from "../trust/trust.ts";
import type { Check } from "./check.ts";

/**
 * Whether the service's metadata, and that of each vendor whose patches came here, verifies today. Nothing of it is kept: the agent
 * itself does that.
 */
export async function trustChecks(config: Config, server: string, { floor }: Session, http: Http): Promise<Check[]> {
  const kept = repositoriesStore(config.state);
  const repositories: RepositoriesStore = { ...kept, write: () => {} };
  const service: Pick<Service, "publicFile" | "usesMirror"> = httpService(server, http);
  const now = new Date(Math.max(secondsOf(systemClock), floor) * 1000);
  const refusals = { note() {}, verified() {} };
  const trust = openTrust({ repositories, refusals, service, vendorPins: config.vendors }, {}, now);
  const names = Object.keys(kept.versions());
  return await Promise.all(
    names.map(async (repository): Promise<Check> => {
      const name = `trust ${repository}`;
      try {
        await (repository === "service" ? trust.service() : trust.vendor(repository, []));
        return { name, ok: true, detail: "its metadata verifies" };
      } catch (error) {
        if (!(error instanceof SutureError)) throw error;
        const mend =
          "Nothing of it is installed meanwhile; what is applied stays. Check this host's clock, then tell your administrator.";
        return { name, ok: false, detail: `${error.code}: ${describeError(error)}`, mend };
      }
    }),
  );
}
