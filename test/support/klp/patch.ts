import { createHash } from "node:crypto";
import type { KlpPatch } from "../../../agent/engines/engine.ts";
import { type KlpVariant, livepatchTaint } from "../../../protocol/wire/patch.ts";
import { moduleFile } from "./module-file.ts";

/** A verified patch of the kernel: one small module, made here unless its bytes are given. */
export function klpPatch(
  id: string,
  options: Partial<KlpVariant> & { module: string },
  payload: Uint8Array = moduleFile({
    name: options.module,
    kernel: "6.1.0-test-amd64",
    signed: options.signed === true,
    replace: options.replace === true,
  }),
): KlpPatch {
  const sha256 = createHash("sha256").update(payload).digest("hex");
  const bundle = { sha256, size: payload.length, encoding: "zstd" as const, payload: { sha256, size: payload.length } };
  const variant: KlpVariant = {
    engine: "klp",
    match: { kernel: "6.1.0-test-amd64", arch: "x86_64" },
    replace: false,
    objects: ["vmlinux"],
    signed: false,
    taint: livepatchTaint,
    stallSeconds: 60,
    bundle,
    ...options,
  };
  return { id, variant, payload };
}
