import { SutureError } from "../../../protocol/errors.ts";
import { type KernelModule, readKernelModule } from "../../../protocol/kernel-module.ts";
import type { KlpPatch } from "../engine.ts";
import type { Kernel } from "./kernel.ts";
import { allLivepatches, isLoaded, livepatchOf } from "./livepatches.ts";
import type { Records } from "./records.ts";
import { mendSignatures, signaturesOf, whyUnsupported } from "./support.ts";

/**
 * Finds what keeps a patch from this kernel, before anything of it is touched. The kernel itself does not insist that a module was
 * built for its very release, nor that it is what its manifest says.
 * @throws SutureError `not-applicable`, `unsupported`, `blocked`
 */
export function checkPatch(
  kernel: Kernel,
  records: Records,
  { id, variant, payload, replaces = [] }: KlpPatch,
): KernelModule {
  const { match, module, replace } = variant;
  if (match.kernel !== kernel.release) {
    throw new SutureError("not-applicable", `the patch is for kernel ${match.kernel}, this is ${kernel.release}`);
  }
  const unsupported = whyUnsupported(kernel);
  if (unsupported !== "") throw new SutureError("unsupported", unsupported);
  const file = readKernelModule(payload);
  if (file === null) throw new SutureError("unsupported", "the payload is no kernel module for x86-64");
  const wrong = whyNotAsSaid(file, variant);
  if (wrong !== undefined) throw new SutureError("unsupported", wrong);
  if (signaturesOf(kernel) === "required" && file.signature === null) {
    throw new SutureError(
      "unsupported",
      `this kernel takes signed modules only, and ${module} is not signed: ask the vendor for a signed one, and ${mendSignatures}`,
    );
  }
  const own = records.ofModule(module);
  if (own !== undefined && own.patch !== id && own.stage !== "staged") {
    throw new SutureError(
      "unsupported",
      `the module name ${module} is taken by ${own.patch}: the kernel holds each name once`,
    );
  }
  const isOurs = own !== undefined && own.stage !== "staged";
  if (!isOurs && (livepatchOf(kernel, module) !== undefined || isLoaded(kernel, module))) {
    throw new SutureError("blocked", `a module ${module} is in the kernel that somebody else loaded; it is left alone`);
  }
  const strangers = othersThan(kernel, records, replaces).filter((each) => records.ofModule(each) === undefined);
  // Modules that kpatch built say it in code alone, which no vendor's word makes certain
  if (file.replace === null && strangers.length > 0) {
    throw new SutureError(
      "blocked",
      `the module does not tell whether it is cumulative, and might take out ${strangers.join(", ")}, which somebody else loaded`,
    );
  }
  const taken = replace ? othersThan(kernel, records, replaces) : [];
  if (taken.length > 0) {
    throw new SutureError(
      "blocked",
      `it is cumulative and would take out ${taken.join(", ")}, which it does not supersede`,
    );
  }
  return file;
}

function whyNotAsSaid(
  file: KernelModule,
  { module, match, replace, objects }: KlpPatch["variant"],
): string | undefined {
  if (!file.livepatch) return "the module is not marked as a livepatch";
  if (file.name !== module) return `the module is called ${file.name}, not ${module}`;
  if (file.kernel !== match.kernel) return `the module was built for kernel ${file.kernel}, not for ${match.kernel}`;
  if (file.replace !== null && file.replace !== replace)
    return `the module is ${file.replace ? "" : "not "}cumulative, and the manifest says otherwise`;
  const unnamed = file.functions.find(({ object }) => !objects.includes(object));
  return unnamed && `the module patches ${unnamed.object}, which the manifest does not name`;
}

/** The livepatches that a cumulative one would take out and may not: somebody else's, and ours that the plan does not name. */
function othersThan(kernel: Kernel, records: Records, replaces: readonly string[]): string[] {
  return allLivepatches(kernel)
    .map(({ module }) => module)
    .filter((module) => !replaces.includes(records.ofModule(module)?.patch ?? ""));
}
