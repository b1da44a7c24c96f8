import { createHash } from "node:crypto";
import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Agent } from "../agent.ts";
import type { Engine } from "../engines/engine.ts";
import { knownBuilds, type PatchesStore } from "../state/patches.ts";
import type { Session } from "../state/session.ts";

/** What the operating system alone says of a host. */
export type HostBasics = Omit<
  HostFacts,
  "builds" | "payloads" | "unreported" | "engines" | "livepatch" | "clients" | "refusals" | "limited"
>;

/**
 * The facts of this host: the operating system's, and what each engine finds.
 * @param wanted builds that are named in any case, however many others run
 */
export async function gatherFacts(
  host: HostBasics,
  engines: readonly Engine[],
  wanted?: ReadonlySet<string>,
): Promise<HostFacts> {
  const found = await Promise.all(
    engines.map(async (engine) => ({ name: engine.name, ...(await engine.detect(wanted)) })),
  );
  const livepatch = found.find(({ facts }) => facts.livepatch !== undefined)?.facts.livepatch;
  const unreported = found.find(({ facts }) => facts.unreported !== undefined)?.facts.unreported;
  const payloads = found.find(({ facts }) => facts.payloads !== undefined)?.facts.payloads;
  const clients = found.flatMap(({ facts }) => facts.clients ?? []);
  return {
    ...host,
    ...(livepatch !== undefined && { livepatch }),
    ...(payloads !== undefined && { payloads }),
    ...(clients.length > 0 && { clients }),
    builds: found.flatMap(({ facts }) => facts.builds ?? []),
    ...(unreported !== undefined && { unreported }),
    engines: found.map(({ name, supported, reason }) => ({ name, supported, reason: reason.slice(0, 500) })),
  };
}

/** What an enrolled host says of itself: its facts, and what it refused lately. */
export async function ownFacts({
  host,
  engines,
  refusals,
  limits,
  patches,
}: Pick<Agent, "host" | "engines" | "refusals" | "limits" | "patches">) {
  const refused = refusals.all();
  const limited = limits.all();
  const facts = await gatherFacts(host, [...engines.values()], knownBuilds(patches));
  return {
    ...facts,
    ...(refused.length > 0 && { refusals: refused }),
    ...(limited.length > 0 && { limited }),
  };
}

/** What a check-in says of patches: of each that is known, and of each that an administrator of this host keeps away. */
export function heldPatches(patches: Pick<PatchesStore, "all" | "holds">): HeldPatch[] {
  const holds = new Map(patches.holds().map(({ patch, at }) => [patch, at]));
  const known = patches.all().map(
    ({ patch, state, since }): HeldPatch => ({
      patch,
      state,
      since,
      ...(holds.delete(patch) && { heldHere: true }),
    }),
  );
  return [
    ...known,
    ...[...holds].map(([patch, at]): HeldPatch => ({ patch, state: "undone", since: at, heldHere: true })),
  ];
}

/** What the service knows after it was told this. How many processes run a build is left out, as is what is not reported: that changes all the time. */
export function reportedOf(facts: HostFacts, held: readonly HeldPatch[]): NonNullable<Session["reported"]> {
  const { builds, unreported, ...rest } = facts;
  const digest = createHash("sha256")
    .update(JSON.stringify([rest, held]))
    .digest("hex");
  return {
    digest,
    builds: builds.map(({ buildId }) => buildId).sort(),
    ...(unreported !== undefined && { unreported: unreported.detail }),
  };
}

/** Whether the service must be told again. That a build no longer runs is no reason: nothing has to be done for it. */
export function hasNews(reported: Session["reported"], now: NonNullable<Session["reported"]>): boolean {
  if (reported === null || reported.digest !== now.digest) return true;
  const told = new Set(reported.builds);
  return now.builds.some((build) => !told.has(build));
}
