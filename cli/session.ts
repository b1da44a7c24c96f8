import { SutureError } from "../protocol/errors.ts";
import { ApiTokenText, Whoami } from "../protocol/wire/account.ts";
import { PatchId, PatchPath, type PatchRef, parsePatchId } from "../protocol/wire/names.ts";
import { parseWith } from "../protocol/wire/parse.ts";
import { type Client, read, serviceClient } from "./client.ts";
import type { GlobalOptions, Io } from "./io.ts";
import { readText } from "./key-files.ts";
import { chosenFolder, type VendorFolder, type VendorOptions } from "./vendor-folder.ts";

const defaultService = "http://127.0.0.1:4780";

/** The service's address: `--service`, else SUTURE_SERVICE, else what the vendor's folder remembers, else the embedded one. */
export function serviceOf(io: Io, { service }: GlobalOptions, remembered?: string): string {
  return service ?? (io.env.SUTURE_SERVICE || remembered || defaultService);
}

/**
 * A client as whoever the token says: `--token-file`, else SUTURE_TOKEN.
 * @throws SutureError `unauthorized` where there is none
 */
export async function signedIn(io: Io, options: GlobalOptions): Promise<Client> {
  const token = await givenToken(io, options);
  if (token === undefined) {
    throw new SutureError(
      "unauthorized",
      "No token: set SUTURE_TOKEN to an operator's API token, or give --token-file FILE",
    );
  }
  return serviceClient(serviceOf(io, options), token);
}

/** `--token-file`, else SUTURE_TOKEN; undefined where neither is given. A token is never an argument: others could list it. */
async function givenToken(io: Io, { tokenFile }: GlobalOptions): Promise<string | undefined> {
  if (tokenFile === undefined) return io.env.SUTURE_TOKEN || undefined;
  const token = (await readText(tokenFile))?.trim();
  if (!ApiTokenText.safeParse(token).success) {
    throw new SutureError("invalid-request", `${tokenFile} holds no API token, suture-api.SECRET`);
  }
  return token;
}

export type VendorSession = { client: Client; vendor: string; folder: VendorFolder };

/**
 * A client as a vendor's publisher. The token beside the keys goes before SUTURE_TOKEN, which may be an operator's.
 * @throws SutureError `unauthorized`, `invalid-request`
 */
export async function asPublisher(io: Io, options: VendorOptions): Promise<VendorSession> {
  const folder = await chosenFolder(io, options);
  const profile = await folder.profile();
  const own = options.tokenFile === undefined ? await folder.token() : undefined;
  const token = own ?? (await givenToken(io, options));
  if (token === undefined) {
    const detail = `There is no publisher.token in ${folder.directory}: run \`suture vendor init\`, or set SUTURE_TOKEN`;
    throw new SutureError("unauthorized", detail);
  }
  const client = serviceClient(serviceOf(io, options, profile?.service), token);
  const vendor = options.vendor ?? profile?.vendor ?? (await vendorOf(client));
  return { client, vendor, folder };
}

/**
 * Likewise for a command about one patch, which may be named with its vendor or without: `list` prints the one, a folder has the other.
 * @param given `product/channel/patch@version`, with or without `vendor/` before it
 * @throws SutureError likewise; `invalid-request` for a name of another form, or of another vendor than the session's
 */
export async function asPublisherOf(
  io: Io,
  given: string,
  options: VendorOptions,
): Promise<VendorSession & { ref: PatchRef }> {
  const isFull = given.split("/").length === 4;
  parseWith(isFull ? PatchId : PatchPath, given, "patch");
  const named = isFull ? { vendor: options.vendor ?? parsePatchId(given).vendor } : {};
  const session = await asPublisher(io, { ...options, ...named });
  const ref = parsePatchId(isFull ? given : `${session.vendor}/${given}`);
  if (ref.vendor !== session.vendor)
    throw new SutureError("invalid-request", `${given} is not a patch of ${session.vendor}`);
  return { ...session, ref };
}

async function vendorOf(client: Client): Promise<string> {
  const { principal } = await read(client.api.whoami.$get(), Whoami);
  if (principal.kind === "vendor") return principal.tenant;
  throw new SutureError("invalid-request", `The token is an ${principal.kind}'s: say which vendor with --vendor NAME`);
}
