import type { SutureError } from "../protocol/errors.ts";
import { readKernelModule } from "../protocol/kernel-module.ts";
import type { KlpVariant, PatchSource } from "../protocol/wire/patch.ts";

export type KlpSource = Extract<PatchSource["variants"][number], { engine: "klp" }>;
type Refuse = (path: string, reason: string) => SutureError;

/**
 * What a manifest says of a livepatch module: what the vendor wrote, and for the rest what the module says of itself, so that a
 * module of kpatch's, SUSE's or Canonical's is published as it is.
 * @throws SutureError `invalid-patch` where the two differ, or neither says it
 */
export function klpVariant(source: KlpSource, payload: Uint8Array, refuse: Refuse): Omit<KlpVariant, "bundle"> {
  const file = readKernelModule(payload);
  if (file === null) throw refuse("payload", `${source.payload} is no kernel module`);
  if (!file.livepatch) throw refuse("payload", `${source.payload} is not marked as a livepatch`);
  const objects = [...new Set(file.functions.map(({ object }) => object))].sort();
  const said = <T>(path: string, written: T | undefined, found: T | null): T => {
    const value = written ?? found;
    if (value === null) throw refuse(path, `${source.payload} does not tell it, so patch.json must`);
    if (found !== null && JSON.stringify(value) !== JSON.stringify(found))
      throw refuse(path, `${source.payload} says ${JSON.stringify(found)}`);
    return value;
  };
  const written = source.objects && [...new Set(source.objects)].sort();
  return {
    engine: "klp",
    module: said("module", source.module, file.name),
    replace: said("replace", source.replace, file.replace),
    objects: said("objects", written, objects.length === 0 ? null : objects),
    signed: file.signature !== null,
    taint: source.taint,
    stallSeconds: source.stallSeconds,
    match: { kernel: said("match.kernel", source.match?.kernel, file.kernel), arch: "x86_64" },
  };
}
