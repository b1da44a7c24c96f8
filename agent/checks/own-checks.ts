import type { Config } from "../config/config.ts";
import { hostProbe } from "../health/probe.ts";
import { hostChecks } from "../open.ts";
import type { Http } from "../system/http.ts";
import type { Check } from "./check.ts";

/** The host's own health checks, each asked once: what fails now keeps every patch out. */
export async function ownChecks(config: Config, http: Http): Promise<Check[]> {
  const { checks, refused } = hostChecks(config);
  const probe = hostProbe(http);
  const asked = checks.map(async (check): Promise<Check> => {
    const name = `check ${check.name}`;
    const wrong = await probe(check);
    return wrong === undefined
      ? { name, ok: true, detail: `${check.kind} is well` }
      : { name, ok: false, detail: wrong, mend: "Nothing is applied while it fails: mend what it asks, or the check." };
  });
  const unusable = refused.map(
    ({ file, reason }): Check => ({
      name: "check",
      ok: false,
      detail: `${file} is not used: ${reason}`,
      mend: "Nothing is applied until it is mended or gone: chown root, chmod go-w.",
    }),
  );
  return [...(await Promise.all(asked)), ...unusable];
}
