import { z } from "zod";
import { HealthCheck } from "./health-check.ts";
import { BuildId } from "./host.ts";
import { Channel, Name, PatchVersion, Sha256 } from "./names.ts";

/** A payload larger than this is refused before it is read. */
export const maxPayloadBytes = 256 * 1024 * 1024;

const Bytes = z.number().int().min(1).max(maxPayloadBytes);

const SymbolName = z.string().min(1).max(512);

/**
 * One function of the target and the function of the payload that takes its place. `suture build elf` writes all of it; by hand, the
 * two names do.
 */
const ReplacedFunction = z.strictObject({
  name: SymbolName.describe("Symbol of the function in the target binary; name@VERSION where it has several"),
  replacement: SymbolName.describe("Symbol of the function in the payload that takes its place"),
  address: z
    .string()
    .regex(/^0x[1-9a-f][0-9a-f]{0,11}$/, "hexadecimal, as in 0x401136")
    .optional()
    .describe("Address of the function in the target's file, so that a stripped target needs no symbols on the host"),
  size: z.number().int().min(1).max(0x7fff_ffff).optional().describe("Size of the function in the target, in bytes"),
  sha256: Sha256.optional().describe(
    "SHA-256 of those bytes in the target's file: another program with the same build-id is left alone",
  ),
  aliases: z
    .array(SymbolName)
    .max(64)
    .optional()
    .describe("Other names of the same code that are meant to change with it; one that is not named here is refused"),
});

const ElfOptions = {
  engine: z.literal("elf"),
  functions: z.array(ReplacedFunction).min(1).max(256).describe("Replaced together, in one atomic step"),
  suspendedFrames: z
    .enum(["allow", "refuse"])
    .optional()
    .describe(
      "refuse: not while a call of a replaced function may be suspended on a stack of its own, as a coroutine's; else it ends in the code that it began in",
    ),
  acceptedLayouts: z
    .array(z.string().min(1).max(512))
    .max(64)
    .optional()
    .describe(
      "Layouts of data that differ from the target's, by decision of whoever signs this: no running process has such data",
    ),
};

/** Bits of the kernel's taint that a livepatch module sets by itself: out of tree, unsigned, livepatch (Tainted kernels, kernel.org). */
export const livepatchTaint = (1 << 12) | (1 << 13) | (1 << 15);

/** The kernel's own limit: MODULE_NAME_LEN less its end. */
const ModuleName = z.string().regex(/^[A-Za-z0-9_]{1,55}$/, "1 to 55 of A-Z, a-z, 0-9 and _");

const KlpOptions = {
  engine: z.literal("klp"),
  module: ModuleName.describe("The module's own name, as lsmod shows it: - is spelled _"),
  replace: z.boolean().describe("Whether it is cumulative: it takes the place of every livepatch that is loaded"),
  objects: z
    .array(z.union([z.literal("vmlinux"), ModuleName]))
    .min(1)
    .max(64)
    .describe("What it patches: vmlinux, and modules by name; a module that is not loaded is patched once it is"),
  signed: z.boolean().default(false).describe("Whether the module carries a signature; a kernel may insist on one"),
  taint: z
    .number()
    .int()
    .min(0)
    .max(0x7fff_ffff)
    .default(livepatchTaint)
    .describe("Bits of /proc/sys/kernel/tainted that it may set; any other means trouble"),
  stallSeconds: z
    .number()
    .int()
    .min(5)
    .max(600)
    .default(60)
    .describe("How long tasks may take to leave the old code before the patch is taken back"),
};

/** A kernel release exactly as `uname -r` prints it: a module fits one build and no other. */
const KernelRelease = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[0-9A-Za-z.+~_-]+$/, "as uname -r prints it");

const Arch = z.enum(["x86_64", "aarch64"]);

/** What Oracle's client is to bring the running kernel to. */
const KspliceOptions = {
  engine: z.literal("ksplice"),
  level: KernelRelease.regex(
    /^\d+\.\d+\.\d+-\d+(?:\.\d+)*/,
    "a kernel's release, as uptrack-uname -r prints it",
  ).describe("The effective kernel to reach at least, as uptrack-uname -r prints it; fits kernels of the same line"),
};

/** What Canonical's client is to bring the running kernel to. */
const CanonicalOptions = {
  engine: z.literal("canonical"),
  level: z
    .string()
    .regex(/^[1-9]\d{0,4}\.\d{1,4}$/, "as in 104.1")
    .describe("The patch version to reach at least, as canonical-livepatch status shows it; LSN-0104-1 is 104.1"),
};

/** What Windows Update is to bring the running system to. */
const HotpatchOptions = {
  engine: z.literal("hotpatch"),
  level: z
    .string()
    .regex(/^\d{5}\.\d{1,6}$/, "as in 26100.3981")
    .describe("The OS build to reach at least; fits systems of the same build"),
  article: z
    .string()
    .regex(/^KB\d{6,8}$/, "as in KB5058497")
    .describe("The article under which Windows Update offers the hotpatch"),
};

/** How a variant's payload is stored: the bundle's own digest, and the payload's after decompression. */
const Bundle = z.strictObject({
  sha256: Sha256,
  size: Bytes,
  encoding: z.enum(["zstd"]),
  payload: z.strictObject({ sha256: Sha256, size: Bytes }),
});

const ElfVariant = z.strictObject({
  ...ElfOptions,
  match: z.strictObject({ buildId: BuildId, arch: z.literal("x86_64") }),
  bundle: Bundle,
});
export const KlpVariant = z.strictObject({
  ...KlpOptions,
  match: z.strictObject({ kernel: KernelRelease, arch: z.literal("x86_64") }),
  bundle: Bundle,
});

/** What another's client is to do. Its payload is the order itself (protocol/order.ts). */
const delegated = { match: z.strictObject({ arch: Arch }), bundle: Bundle };
export const DelegatedVariant = z.discriminatedUnion("engine", [
  z.strictObject({ ...KspliceOptions, ...delegated }),
  z.strictObject({ ...CanonicalOptions, ...delegated }),
  z.strictObject({ ...HotpatchOptions, ...delegated }),
]);
export type DelegatedVariant = z.infer<typeof DelegatedVariant>;
export type HotpatchVariant = Extract<DelegatedVariant, { engine: "hotpatch" }>;

/** One payload for one exact target, as the manifest names it. */
export const Variant = z.discriminatedUnion("engine", [ElfVariant, KlpVariant, ...DelegatedVariant.options]);
export type Variant = z.infer<typeof Variant>;
export type ElfVariant = z.infer<typeof ElfVariant>;
export type KlpVariant = z.infer<typeof KlpVariant>;
type WithoutBundle<V> = V extends Variant ? Omit<V, "bundle"> : never;
/** A variant whose payload is not stored yet. */
export type UnbundledVariant = WithoutBundle<Variant>;

const description = {
  patch: Name.describe("The patch's name, unique in its product"),
  version: PatchVersion.describe("A counter: 1, 2, 3. A published version never changes"),
  title: z.string().min(1).max(200),
  advisory: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .describe("Where people read about the flaw"),
  severity: z.enum(["critical", "high", "medium", "low"]),
  cves: z
    .array(z.string().regex(/^CVE-\d{4}-\d{4,}$/, "CVE-YYYY-NNNN"))
    .max(100)
    .default([]),
  supersedes: z
    .array(z.string().regex(/^[a-z0-9-]+@[1-9][0-9]*$/, "Not of the form patch@version"))
    .max(100)
    .default([]),
  requires: z
    .array(z.string().regex(/^[a-z0-9-]+@[1-9][0-9]*$/, "Not of the form patch@version"))
    .max(100)
    .default([]),
  ended: z
    .array(
      z.strictObject({
        kernel: KernelRelease,
        at: z.iso.datetime().describe("Since when this kernel gets no patches"),
      }),
    )
    .max(256)
    .optional()
    .describe("Kernels that had patches once and get none any more: their hosts must move on"),
  health: z
    .strictObject({
      windowSeconds: z.number().int().min(0).max(3600).default(5),
      checks: z.array(HealthCheck).max(16).default([]),
    })
    .default({ windowSeconds: 5, checks: [] }),
};

const ordered = {
  match: z
    .strictObject({ arch: Arch.default("x86_64") })
    .prefault({})
    .describe("Hosts of this architecture"),
};

/** What a vendor writes: `patch.json` in a folder with its payloads (docs/patch-format.md). */
export const PatchSource = z.strictObject({
  $schema: z.string().optional(),
  product: Name,
  ...description,
  variants: z
    .array(
      z.discriminatedUnion("engine", [
        z.strictObject({
          ...ElfOptions,
          payload: z.string().min(1).max(1024).describe("Path of the payload, relative to patch.json"),
          match: z.union([
            z.strictObject({ buildId: BuildId.describe("GNU build-id of the exact target") }),
            z.strictObject({
              binary: z
                .string()
                .min(1)
                .describe("Path of the target binary, relative to patch.json; its build-id is taken"),
            }),
          ]),
        }),
        z.strictObject({
          engine: KlpOptions.engine,
          payload: z
            .string()
            .min(1)
            .max(1024)
            .describe("Path of the module (.ko), relative to patch.json; what it says of itself need not be said here"),
          module: KlpOptions.module.optional(),
          replace: KlpOptions.replace.optional(),
          objects: KlpOptions.objects.optional(),
          taint: KlpOptions.taint,
          stallSeconds: KlpOptions.stallSeconds,
          match: z
            .strictObject({ kernel: KernelRelease.describe("The kernel's release as uname -r prints it") })
            .optional(),
        }),
        z.strictObject({ ...KspliceOptions, ...ordered }),
        z.strictObject({ ...CanonicalOptions, ...ordered }),
        z.strictObject({ ...HotpatchOptions, ...ordered }),
      ]),
    )
    .min(1)
    .max(256),
});
export type PatchSource = z.infer<typeof PatchSource>;

/** A patch as a TUF target, `product/channel/patch@version.json`. */
export const Manifest = z.strictObject({
  manifest: z.literal(1),
  product: Name,
  channel: Channel,
  ...description,
  variants: z.array(Variant).min(1).max(256),
});
export type Manifest = z.infer<typeof Manifest>;

/** `product/channel/recalls.json`: the vendor's statements of withdrawal. It only grows. */
export const Recalls = z.strictObject({
  recalls: z
    .array(z.strictObject({ patch: z.string().max(128), reason: z.string().max(500), at: z.iso.datetime() }))
    .max(10_000),
});
export type Recalls = z.infer<typeof Recalls>;
