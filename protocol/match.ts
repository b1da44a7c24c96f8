import type { HostFacts } from "./wire/host.ts";
import type { Manifest, Variant } from "./wire/patch.ts";

/** Whether a variant fits a host, and the sentence that says why not. */
export type Match = { fits: true } | { fits: false; why: string };

/** Decides whether one variant fits these host facts. Pure: service and agent ask the same question and get the same answer. */
export function matchVariant(variant: Variant, facts: HostFacts): Match {
  if (facts.arch !== variant.match.arch)
    return { fits: false, why: `for ${variant.match.arch}, this host is ${facts.arch}` };
  const engine = facts.engines.find((candidate) => candidate.name === variant.engine);
  if (!engine?.supported) return { fits: false, why: engine?.reason ?? `no ${variant.engine} engine on this host` };
  if (!facts.builds.some((build) => build.buildId === variant.match.buildId)) {
    return { fits: false, why: `no process runs build ${variant.match.buildId}` };
  }
  return { fits: true };
}

/** The variants of a manifest that fit a host: a host may run several builds of one product. */
export function matchingVariants(manifest: Pick<Manifest, "variants">, facts: HostFacts): Variant[] {
  return manifest.variants.filter((variant) => matchVariant(variant, facts).fits);
}
