import { z } from "zod";

/** A name that people give: vendor, product, patch, customer, group. Design: names are `[a-z0-9-]`. */
export const Name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -, not first or last -");
export const Channel = z.enum(["edge", "beta", "stable"]);
export type Channel = z.infer<typeof Channel>;

/** A counter of the vendor's, never a date: 1, 2, 3 … */
export const PatchVersion = z.number().int().min(1).max(1_000_000_000);
/** Lower-case hexadecimal SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits");
/** A moment on the wire: RFC 3339 in UTC. */
export const Instant = z.iso.datetime({ precision: 3 });
export const MachineId = z.string().regex(/^m-[0-9a-f]{32}$/, "m- and 32 hexadecimal digits");

/** What names a patch within its vendor: `product/channel/patch@version`. */
export const PatchPath = z
  .string()
  .max(220)
  .regex(/^[a-z0-9-]+\/(?:edge|beta|stable)\/[a-z0-9-]+@[1-9][0-9]*$/, "Not of the form product/channel/patch@version");
/** What names a patch on a host: `vendor/product/channel/patch@version`. */
export const PatchId = z
  .string()
  .max(284)
  .regex(
    /^[a-z0-9-]+\/[a-z0-9-]+\/(?:edge|beta|stable)\/[a-z0-9-]+@[1-9][0-9]*$/,
    "Not of the form vendor/product/channel/patch@version",
  );

export type PatchRef = { vendor: string; product: string; channel: Channel; patch: string; version: number };

/** Takes a patch id apart. The id must fit `PatchId`. */
export function parsePatchId(id: string): PatchRef {
  const [vendor = "", product = "", channel = "", rest = ""] = PatchId.parse(id).split("/");
  const [patch = "", version = ""] = rest.split("@");
  return { vendor, product, channel: Channel.parse(channel), patch, version: Number(version) };
}

/** `product/channel/patch@version`: what a patch is called within its vendor's repository. */
export function patchPath(ref: Omit<PatchRef, "vendor">): string {
  return `${ref.product}/${ref.channel}/${ref.patch}@${ref.version}`;
}

/** `vendor/product/channel/patch@version`: what a patch is called on a host and in the service. */
export function patchId(ref: PatchRef): string {
  return `${ref.vendor}/${patchPath(ref)}`;
}

/** The TUF role of a product's channel. A dot parts them because a name cannot hold one. */
export function roleName(product: string, channel: Channel): string {
  return `${product}.${channel}`;
}
