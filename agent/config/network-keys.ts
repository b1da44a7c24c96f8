import { isAbsolute } from "node:path";
import { z } from "zod";

const File = z.string().refine(isAbsolute, "not the whole path of a file");
const isProxy = (text: string) => {
  const url = URL.parse(text);
  return text === "none" || (url !== null && /^(?:https?|socks5h?):$/.test(url.protocol) && isDecodable(url));
};
/** A per cent sign in a user or a password is written %25. */
function isDecodable({ username, password }: URL): boolean {
  try {
    return decodeURIComponent(`${username}:${password}`) !== "";
  } catch {
    return false;
  }
}
const ProxyAddress = z.string().refine(isProxy, "neither an http, https or socks5 address nor none");

const perHost = {
  proxy: ProxyAddress.optional(),
  ca_file: File.optional(),
  client_certificate: File.optional(),
  client_key: File.optional(),
};

/** How other hosts are reached: what can be configured of it. */
export const NetworkKeys = z.strictObject({
  proxy: ProxyAddress.nullable()
    .default(null)
    .describe("an http, https or socks5 address, with user and password where it wants them; none to go without"),
  no_proxy: z
    .array(z.string())
    .default([])
    .describe("what is reached directly: names with all below them, addresses, networks such as 10.0.0.0/8, *"),
  ca_file: File.nullable().default(null).describe("PEM certificates that are trusted beside the public authorities"),
  client_certificate: File.nullable().default(null).describe("a PEM certificate to show to servers that ask for one"),
  client_key: File.nullable().default(null).describe("its key, for root alone"),
  hosts: z
    .record(z.string(), z.strictObject(perHost))
    .default({})
    .describe("the same for single hosts by name: proxy, ca_file, client_certificate, client_key"),
});
/** How other hosts are reached, as it is decided for this host. */
export type Network = z.output<typeof NetworkKeys>;
