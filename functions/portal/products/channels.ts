import { isSutureError } from "../../../protocol/errors.ts";
import { delegationsOf, filesOf, readMetadata } from "../../../protocol/trust/edit.ts";
import { RoleView, VendorView } from "../../../protocol/wire/vendor.ts";
import type { Service } from "../service.ts";

/** One of a vendor's channels. Times are milliseconds since the epoch; `version` is 0 where nothing is published yet. */
export type ProductChannel = {
  product: string;
  channel: string;
  version: number;
  patches: number;
  keys: number;
  threshold: number;
  acceptedAt: number | undefined;
  expires: number | undefined;
};

/** A vendor's channels, as its own metadata delegates them. @returns undefined before the first targets */
export async function channelsOf(vendor: string, service: Service): Promise<ProductChannel[] | undefined> {
  const path = `/v1/vendors/${vendor}`;
  const [{ roles }, targets] = await Promise.all([
    service.call("GET", path, VendorView),
    roleOf(`${path}/metadata/targets`, service),
  ]);
  if (targets === undefined) return undefined;
  const delegations = delegationsOf(readMetadata("targets", targets.text).signed);
  const channels = delegations.map(async ({ role, keys, threshold }) => {
    const [product = "", channel = ""] = role.split(".");
    const signed = await roleOf(`${path}/metadata/${role}`, service);
    const metadata = signed && readMetadata("targets", signed.text).signed;
    const accepted = roles.find((each) => each.role === role);
    const files = metadata === undefined ? [] : [...filesOf(metadata).keys()];
    return {
      product,
      channel,
      version: signed?.version ?? 0,
      patches: files.filter((file) => !file.endsWith("/recalls.json")).length,
      keys: keys.length,
      threshold,
      acceptedAt: accepted && Date.parse(accepted.acceptedAt),
      expires: metadata && Date.parse(metadata.expires),
    };
  });
  return await Promise.all(channels);
}

async function roleOf(path: string, service: Service): Promise<RoleView | undefined> {
  try {
    return await service.call("GET", path, RoleView);
  } catch (error) {
    if (isSutureError(error, "not-found")) return undefined;
    throw error;
  }
}
