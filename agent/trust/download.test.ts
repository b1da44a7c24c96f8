import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { expect, it } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import type { Variant } from "../../protocol/wire/patch.ts";
import { downloadPayload } from "./download.ts";

const payload = Buffer.from("the payload");
const packed = zstdCompressSync(payload);
const stored = (bytes: Uint8Array) => ({
  sha256: createHash("sha256").update(bytes).digest("hex"),
  size: bytes.length,
});
const variant = { bundle: { ...stored(packed), encoding: "zstd", payload: stored(payload) } } as Variant;

/** A service with this bundle, or none, and a mirror with that. */
const from = (own: Uint8Array | undefined, mirrored: Uint8Array | undefined) => ({
  download: () => (own === undefined ? Promise.reject(new SutureError("unreachable", "no way")) : Promise.resolve(own)),
  mirroredBundle: () => Promise.resolve(mirrored),
});
const wrong = Buffer.from("something else");

it("a mirror's bundle is taken where it is what was signed, and left for the service's where it is not", async () => {
  expect(await downloadPayload(from(undefined, packed), undefined, variant)).toEqual(payload);
  expect(await downloadPayload(from(packed, wrong), "url", variant)).toEqual(payload);
  expect(await downloadPayload(from(packed, undefined), "url", variant)).toEqual(payload);
});

it("a bundle that nobody has as it was signed is refused by what is wrong with it", async () => {
  const code = (of: ReturnType<typeof from>, url?: string) =>
    downloadPayload(of, url, variant).then(
      () => "taken",
      (error: unknown) => (error instanceof SutureError ? error.code : "internal"),
    );
  expect(await code(from(undefined, wrong))).toBe("bundle-mismatch");
  expect(await code(from(wrong, undefined), "url")).toBe("bundle-mismatch");
  expect(await code(from(undefined, undefined), "url")).toBe("unreachable");
  expect(await code(from(undefined, undefined))).toBe("unavailable");
});
