import type { EngineName, HostFacts, OutcomeCode } from "../../protocol/wire/host.ts";
import type { ElfVariant, KlpVariant, Variant } from "../../protocol/wire/patch.ts";

/** A verified patch as an engine receives it: one variant and its payload's bytes, already checked against the manifest. */
export type VerifiedPatch<V extends Variant = Variant> = {
  /** `vendor/product/channel/patch@version`, unique on the host */
  id: string;
  variant: V;
  payload: Uint8Array;
  /**
   * the patches on this host that it is to take the place of. An elf patch does so in one stop, and its undo puts them back as long as
   * they were not undone themselves; a cumulative one of the kernel takes out no other
   */
  replaces?: readonly string[];
};

/** What the elf and the klp engine take: the agent hands each engine the variants that bear its name. */
export type ElfPatch = VerifiedPatch<ElfVariant>;
export type KlpPatch = VerifiedPatch<KlpVariant>;

/** What a step came to. `evidence` is plain JSON that goes into the receipt. */
export type Outcome = {
  code: OutcomeCode;
  /** one sentence for a person */
  detail: string;
  evidence: Readonly<Record<string, unknown>>;
};

/** A patch that the engine finds on the host now, whoever remembers it. */
type AppliedPatch = { id: string; targets: readonly { name: string; pid?: number }[] };

/**
 * What makes a patch take effect on a host (design: "An engine").
 *
 * `check` touches nothing. `stage` prepares everything that does not change behaviour. `apply` and `undo` are atomic for each
 * target: killed at any moment, a later `recover` ends in applied or not applied. No method throws for a target that is busy,
 * gone or wrong: that is an outcome. They throw only for a fault of the engine itself (`engine-failed`).
 */
export interface Engine {
  readonly name: EngineName;
  /**
   * The host's targets for this engine, as facts for the plan; `unsupported` with its reason where the engine cannot work.
   * @param wanted builds that this host's patches are for, which facts name in any case where they run
   */
  detect(wanted?: ReadonlySet<string>): Promise<{ supported: boolean; reason: string; facts: Partial<HostFacts> }>;
  /** Foretells `apply`: `applied` where it would work on every target, `already-applied` where nothing is left to do, else why not. */
  check(patch: VerifiedPatch): Promise<Outcome>;
  /** Foretells likewise, after preparing. A staged patch that is not to be applied is taken back with `undo`. */
  stage(patch: VerifiedPatch): Promise<Outcome>;
  /** May be called again at any time: targets that appeared since are patched, `already-applied` where there are none. */
  apply(patch: VerifiedPatch): Promise<Outcome>;
  /** `applied` where every target has the patch now, `failed` where one lacks it, `not-applicable` where there is no target. */
  verify(patch: VerifiedPatch): Promise<Outcome>;
  /**
   * `undone` also where the patch is not applied anywhere; `undo-pending` where a target is busy: the patch is still applied there, try again.
   * `builds` are those of its variants by build-id, for an engine that lost its records and looks into the processes that run them.
   */
  undo(patchId: string, builds?: readonly string[]): Promise<Outcome>;
  list(): Promise<readonly AppliedPatch[]>;
  /** Finishes or reverts what a killed agent left half done. */
  recover(): Promise<readonly Outcome[]>;
}
