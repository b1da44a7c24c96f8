const sha256 = "ab".repeat(32);
const sample = {
  manifest: 1,
  product: "echod",
  channel: "edge",
  patch: "fix",
  version: 1,
  title: "A fix",
  severity: "high",
};
const bundled = { sha256, size: 1, encoding: "zstd", payload: { sha256, size: 1 } };

/**
 * A manifest as a vendor writes it, of a patch for one build.
 * @param changed members of it that are other than usual
 * @param bundle members of its bundle, likewise
 */
export function sampleManifest(changed: object = {}, bundle: object = {}): object {
  const match = { buildId: "ab".repeat(20), arch: "x86_64" };
  const functions = [{ name: "a", replacement: "b" }];
  return { ...sample, variants: [{ engine: "elf", functions, match, bundle: { ...bundled, ...bundle } }], ...changed };
}
