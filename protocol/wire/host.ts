import { z } from "zod";
import { ReleaseVersion } from "./agent-release.ts";
import { AllLimited } from "./limited.ts";
import { Refusals } from "./refusal.ts";

export const EngineName = z.enum(["klp", "elf", "ksplice", "canonical", "hotpatch"]);
export type EngineName = z.infer<typeof EngineName>;

/** The engines whose work another's client does: Oracle's, Canonical's, Windows Update's. */
export const DelegatedEngine = EngineName.extract(["ksplice", "canonical", "hotpatch"]);
export type DelegatedEngine = z.infer<typeof DelegatedEngine>;

/** The closed set of what an engine's step can come to (design: "An engine"). */
export const OutcomeCode = z.enum([
  "applied",
  "undone",
  "undo-pending",
  "already-applied",
  "not-applicable",
  "unsupported",
  "blocked",
  "stalled",
  "failed",
  "quarantined",
  "needs-reboot",
]);
export type OutcomeCode = z.infer<typeof OutcomeCode>;

export const BuildId = z.string().regex(/^(?:[0-9a-f]{2}){4,32}$/, "a GNU build-id in lower-case hexadecimal");

/** A livepatch module that is in the kernel now. `patch` is null where somebody else loaded it. */
const LoadedLivepatch = z.strictObject({
  module: z.string().max(64),
  enabled: z.boolean(),
  transition: z.boolean(),
  patch: z.string().max(284).nullable(),
  /** `patched` false: the object is a module that is not loaded */
  objects: z.array(z.strictObject({ name: z.string().max(64), patched: z.boolean() })).max(64),
});
export type LoadedLivepatch = z.infer<typeof LoadedLivepatch>;

/**
 * Another's client on a host, in this service's words: `applied` has patches in and none waiting, `blocked` has some waiting,
 * `not-applicable` needs none. `level` is what is in (protocol/level.ts); null where nothing is, or the client does not say.
 */
const ForeignClient = z.strictObject({
  engine: DelegatedEngine,
  version: z.string().max(64).nullable(),
  level: z.string().max(128).nullable(),
  state: OutcomeCode,
  detail: z.string().max(500),
});
export type ForeignClient = z.infer<typeof ForeignClient>;

/** What a machine says of itself; the plan's inputs. Everything here is untrusted text until matched. */
/** Memory that payloads of patches take in processes, applied or not: it is freed when a process ends. */
const HeldPayloads = z.strictObject({
  processes: z.number().int().min(1),
  payloads: z.number().int().min(1),
  bytes: z.number().int().min(1),
});
export type HeldPayloads = z.infer<typeof HeldPayloads>;

export const HostFacts = z.strictObject({
  hostname: z.string().max(253),
  os: z.string().max(64),
  arch: z.string().max(32),
  kernel: z.string().max(128),
  bootId: z.string().max(64),
  agent: z.string().max(32),
  /** the newest release of the agent that was tried here and given up */
  failedUpdate: z.strictObject({ version: ReleaseVersion, why: z.string().max(500) }).optional(),
  /** absent where it refused nothing lately */
  refusals: Refusals.optional(),
  /** absent where no process holds any */
  payloads: HeldPayloads.optional(),
  /** absent where nothing waits for a limit of the host's own */
  limited: AllLimited.optional(),
  /** ELF builds that run now, by build-id; a build that no process maps is absent */
  builds: z
    .array(z.strictObject({ buildId: BuildId, path: z.string().max(4096), processes: z.number().int().min(1) }))
    .max(4096),
  /** builds that run and are not among those, and processes that could not be looked at; absent where all that runs is reported */
  unreported: z
    .strictObject({
      builds: z.number().int().min(0),
      processes: z.number().int().min(0),
      detail: z.string().max(500),
    })
    .optional(),
  livepatch: z
    .strictObject({
      /** whether the kernel takes signed modules only: sig_enforce, or lockdown */
      signatures: z.enum(["required", "optional"]),
      loaded: z.array(LoadedLivepatch).max(64),
    })
    .optional(),
  /** the newest kernel that is installed and was not booted, since when in seconds since the epoch; absent where there is none */
  waitingKernel: z.strictObject({ release: z.string().max(64), since: z.number().int() }).optional(),
  /** absent where no other client is installed */
  clients: z.array(ForeignClient).max(3).optional(),
  engines: z.array(z.strictObject({ name: EngineName, supported: z.boolean(), reason: z.string().max(500) })).max(8),
});
export type HostFacts = z.infer<typeof HostFacts>;
