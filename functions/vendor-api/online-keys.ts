import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { type TufKey, tufKey } from "../../protocol/trust/signer.ts";
import { Name } from "../../protocol/wire/names.ts";
import { NextOnlineKeys } from "../../protocol/wire/vendor.ts";
import { namedIn } from "../domain/online-keys.ts";
import type { KeyWrapper } from "../signers/wrapped.ts";
import type { OnlineKeys, Vendor } from "../stores/vendors.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure } from "./openapi.ts";

export const replace = createRoute({
  method: "post",
  path: "/v1/vendors/{vendor}/online-keys",
  tags: ["vendors"],
  summary: "Begin to replace a vendor's snapshot and timestamp keys",
  description:
    "Makes the keys that are to follow. They come into force with the vendor's next root, if that names them; until then this answers the same ones again, and nothing changes.",
  request: { params: z.object({ vendor: Name }) },
  responses: {
    200: answer(NextOnlineKeys, "Those in force, and those that are to follow", examples.nextOnlineKeys),
    ...failure,
  },
});

export function onlineKeyRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(replace, async (c) => {
    const { vendor: name } = c.req.valid("param");
    const vendor = await deps.vendors.get(name);
    if (vendor === undefined) throw noSuch("vendor", name);
    const root = (await deps.roles.listAll(name)).find(({ role }) => role === "root");
    if (root === undefined) throw new SutureError("conflict", `${name} has no root yet, which would name the keys`);
    const inForce = namedIn(root.body, vendor);
    const next = await nextOf(vendor, inForce, root.version);
    return c.json({ vendor: name, onlineKeys: publicHalves(inForce), nextOnlineKeys: publicHalves(next) }, 200);
  });

  /** Those that are waiting for a root already, or new ones. */
  async function nextOf(vendor: Vendor, inForce: OnlineKeys, rootVersion: number): Promise<OnlineKeys> {
    if (vendor.nextOnlineKeys !== undefined && vendor.nextOnlineKeys !== inForce) return vendor.nextOnlineKeys;
    // The publish job still needs the keys of the root that is public
    if ((await deps.blobs.stat(`tuf/${vendor.vendor}/${rootVersion}.root.json`)) === undefined)
      throw new SutureError(
        "conflict",
        `Root ${rootVersion} of ${vendor.vendor} is not public yet; try again in a minute`,
      );
    const next = await newOnlineKeys(vendor.vendor, deps.keys);
    if (await deps.vendors.changeOnlineKeys(vendor, { onlineKeys: inForce, nextOnlineKeys: next })) return next;
    throw new SutureError("conflict", `Somebody else replaces the keys of ${vendor.vendor}; try again`);
  }
}

/** Two keys for a vendor whose private halves nobody has seen. */
export async function newOnlineKeys(vendor: string, keys: Pick<KeyWrapper, "generate">): Promise<OnlineKeys> {
  const newKey = async (role: "snapshot" | "timestamp") => {
    const { publicKeyPem, wrapped } = await keys.generate({ vendor, role });
    return { key: tufKey(publicKeyPem), wrapped };
  };
  return { snapshot: await newKey("snapshot"), timestamp: await newKey("timestamp") };
}

/** What of a vendor's online keys anybody may know. */
export function publicHalves({ snapshot, timestamp }: OnlineKeys): { snapshot: TufKey; timestamp: TufKey } {
  return { snapshot: snapshot.key, timestamp: timestamp.key };
}
