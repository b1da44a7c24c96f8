import { compareLevels } from "./level.ts";
import type { HostFacts } from "./wire/host.ts";
import type { DelegatedVariant, ElfVariant, KlpVariant, Manifest, Variant } from "./wire/patch.ts";

/** Whether a variant fits a host, and the sentence that says why not. */
export type Match = { fits: true } | { fits: false; why: string };

/** Decides whether one variant fits these host facts. Pure: service and agent ask the same question and get the same answer. */
export function matchVariant(variant: Variant, facts: HostFacts): Match {
  if (facts.arch !== variant.match.arch)
    return { fits: false, why: `for ${variant.match.arch}, this host is ${facts.arch}` };
  const engine = facts.engines.find((candidate) => candidate.name === variant.engine);
  if (!engine?.supported) return { fits: false, why: engine?.reason ?? `no ${variant.engine} engine on this host` };
  if (variant.engine === "elf") return matchElf(variant, facts);
  return variant.engine === "klp" ? matchKlp(variant, facts) : matchDelegated(variant, facts);
}

/** The variants of a manifest that fit a host: a host may run several builds of one product. */
export function matchingVariants(manifest: Pick<Manifest, "variants">, facts: HostFacts): Variant[] {
  return manifest.variants.filter((variant) => matchVariant(variant, facts).fits);
}

/**
 * Why a host that no variant fits gets no patch for its kernel until somebody acts: `kernel-not-booted` where one for the installed
 * kernel is there and a reboot is all that is missing, `kernel-ended` where the vendor makes none for this kernel any more; both
 * since when, in seconds since the epoch. Undefined where the patch was never for this kernel.
 */
export function kernelVerdict(
  { variants, ended }: Pick<Manifest, "variants" | "ended">,
  facts: HostFacts,
): { why: "kernel-not-booted" | "kernel-ended"; since: number } | undefined {
  const { waitingKernel, kernel } = facts;
  const forWaiting = variants.some(({ engine, match }) => engine === "klp" && match.kernel === waitingKernel?.release);
  if (waitingKernel !== undefined && forWaiting) return { why: "kernel-not-booted", since: waitingKernel.since };
  const end = ended?.find((each) => each.kernel === kernel);
  return end && { why: "kernel-ended", since: Math.floor(Date.parse(end.at) / 1000) };
}

function matchElf({ match: { buildId } }: ElfVariant, { builds }: HostFacts): Match {
  return builds.some((build) => build.buildId === buildId)
    ? { fits: true }
    : { fits: false, why: `no process runs build ${buildId}` };
}

function matchKlp({ match: { kernel }, signed }: KlpVariant, facts: HostFacts): Match {
  if (facts.kernel !== kernel) return { fits: false, why: `for kernel ${kernel}, this host runs ${facts.kernel}` };
  if (!signed && facts.livepatch?.signatures === "required")
    return { fits: false, why: "this kernel takes signed modules only, and this one is not signed" };
  return { fits: true };
}

/** Whether another's client could bring this host to a level at all: the level is of the running system's own line. */
export function matchDelegated(
  { engine, level, match }: Pick<DelegatedVariant, "engine" | "level" | "match">,
  { arch, kernel }: Pick<HostFacts, "arch" | "kernel">,
): Match {
  if (match.arch !== arch) return { fits: false, why: `for ${match.arch}, this host is ${arch}` };
  return engine === "canonical" || compareLevels(engine, kernel, level) !== null
    ? { fits: true }
    : { fits: false, why: `${level} is of another line than ${kernel}, which runs here` };
}
