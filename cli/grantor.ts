import { SutureError } from "../protocol/errors.ts";
import { Channel } from "../protocol/wire/names.ts";
import type { Client } from "./client.ts";
import type { Io } from "./io.ts";
import { asPublisher, signedIn } from "./session.ts";
import type { VendorOptions } from "./vendor-folder.ts";

/** Takes `vendor/product/channel` apart. @throws SutureError `invalid-request` */
export function streamOf(stream: string): { vendor: string; product: string; channel: Channel } {
  if (!/^[a-z0-9-]+\/[a-z0-9-]+\/(?:edge|beta|stable)$/.test(stream)) {
    throw new SutureError("invalid-request", `${stream} is no vendor/product/channel, such as acme/echod/stable`);
  }
  const [vendor = "", product = "", channel] = stream.split("/");
  return { vendor, product, channel: Channel.parse(channel) };
}

/** A client as whoever may give a vendor's channels: an operator in SUTURE_TOKEN, else the vendor's publisher. */
export async function asGrantor(io: Io, options: VendorOptions, { vendor }: { vendor: string }): Promise<Client> {
  if (options.tokenFile !== undefined || io.env.SUTURE_TOKEN) return await signedIn(io, options);
  return (await asPublisher(io, { ...options, vendor })).client;
}

/** The routes of one subscription. */
export function subscriptionOf({ api }: Client) {
  return api.customers[":customer"].subscriptions[":vendor"][":product"][":channel"];
}
