import { SutureError } from "../../protocol/errors.ts";
import type { HealthCheck } from "../../protocol/wire/health-check.ts";
import type { Agent } from "../agent.ts";
import type { PatchRecord } from "../state/patches.ts";
import type { HostCheck } from "./host-checks.ts";
import type { Check } from "./probe.ts";

type Prober = Pick<Agent, "hostChecks" | "probe">;
type Named = { name: string; check: Check };

/** A vendor's probe of this host's loopback that takes longer has failed; seconds. */
const vendorTimeout = 2;

/**
 * Asks the host's own checks before a patch is applied: one that fails already could not tell what the patch does, and a file that
 * is not to be trusted may be the very check that matters.
 * @throws SutureError `unhealthy`, with the check's name
 */
export async function requireHealthyHost({ hostChecks, probe }: Prober): Promise<void> {
  const { checks, refused } = hostChecks();
  const [bad] = refused;
  if (bad !== undefined)
    throw new SutureError("unhealthy", `The host's own checks cannot be trusted: ${bad.file}: ${bad.reason}`);
  const [failed] = await failing(probe, checks.map(ofHost));
  if (failed === undefined) return;
  throw new SutureError("unhealthy", `${failed.name} fails already, without the patch: ${failed.wrong}`, {
    data: { check: failed.name },
  });
}

/** For how long a patch is watched after it is applied, in seconds: as its vendor wants it, and as the host's own checks do. */
export function watchSeconds(
  { hostChecks }: Pick<Agent, "hostChecks">,
  { verified }: Pick<PatchRecord, "verified">,
): number {
  const wanted = hostChecks().checks.map(({ windowSeconds }) => windowSeconds);
  return Math.max(verified?.health.windowSeconds ?? 0, ...wanted);
}

/**
 * What the checks of a patch and of its host find wrong, of which the first is named. After a reboot a check counts from its first
 * success on: what it asks may not have started yet, and was well with this patch before.
 * @returns what is wrong, if anything, and which checks were well by now
 */
export async function askChecks(
  { hostChecks, probe }: Prober,
  { verified, seenWell }: Pick<PatchRecord, "verified" | "seenWell">,
): Promise<{ wrong: string | undefined; seenWell: PatchRecord["seenWell"] }> {
  const all = [...(verified?.health.checks ?? []).map(ofPatch), ...hostChecks().checks.map(ofHost)];
  const failed = await failing(probe, all);
  const well = all.map(({ name }) => name).filter((name) => !failed.some((each) => each.name === name));
  const counted = failed.find(({ name }) => seenWell === undefined || seenWell.includes(name));
  return {
    wrong: counted && `${counted.name} fails: ${counted.wrong}`,
    seenWell: seenWell && [...new Set([...seenWell, ...well])],
  };
}

async function failing(probe: Agent["probe"], checks: readonly Named[]): Promise<{ name: string; wrong: string }[]> {
  const asked = await Promise.all(checks.map(async ({ name, check }) => ({ name, wrong: await probe(check) })));
  return asked.flatMap(({ name, wrong }) => (wrong === undefined ? [] : [{ name, wrong }]));
}

function ofPatch(check: HealthCheck): Named {
  switch (check.kind) {
    case "tcp":
      return { name: `tcp ${check.port}`, check: { ...check, host: "127.0.0.1", timeoutSeconds: vendorTimeout } };
    case "http":
      return { name: `http ${check.url}`, check: { ...check, timeoutSeconds: vendorTimeout } };
    case "command":
      return { name: `command ${check.command.join(" ")}`, check };
  }
}

function ofHost(check: HostCheck): Named {
  return { name: `the host's own check ${check.name}`, check };
}
