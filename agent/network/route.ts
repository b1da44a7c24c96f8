import { BlockList, isIP } from "node:net";
import type { Network } from "../config/network-keys.ts";

/** How one host is reached: through what, whom it is trusted by, and what it is shown. Files by their paths. */
export type Route = {
  proxy: string | null;
  caFile: string | null;
  clientCertificate: string | null;
  clientKey: string | null;
};

/** The route to an address. What is decided for its host goes before what is decided for all; this host's loopback never has a proxy. */
export function routeTo(network: Network, { hostname, port, protocol }: URL): Route {
  const host = hostname.replace(/^\[|\]$/g, "");
  const own = network.hosts[host] ?? {};
  const byRule = isDirect(host, port || (protocol === "https:" ? "443" : "80"), network.no_proxy)
    ? null
    : network.proxy;
  const proxy = own.proxy ?? byRule;
  return {
    proxy: proxy === "none" || isLoopback(host) ? null : proxy,
    caFile: own.ca_file ?? network.ca_file,
    clientCertificate: own.client_certificate ?? network.client_certificate,
    clientKey: own.client_key ?? network.client_key,
  };
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isWithin(loopback, host);
}

/** By the rules that curl and Go have for NO_PROXY: `example.com` means what is below it too, and `host:port` that port alone. */
function isDirect(host: string, port: string, rules: readonly string[]): boolean {
  return rules.some((rule) => {
    const [, name = rule, only] = isIP(rule) === 0 ? (/^(.*?)(?::(\d+))?$/.exec(rule) ?? []) : [];
    if (only !== undefined && only !== port) return false;
    const wanted = name.replace(/^\[|\]$/g, "").toLowerCase();
    if (wanted === "*") return true;
    if (isIP(host) !== 0) return isWithin(networkOf(wanted), host);
    const domain = wanted.replace(/^\*?\./, "");
    return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
  });
}

function networkOf(rule: string): BlockList {
  const list = new BlockList();
  const [address = "", prefix] = rule.split("/");
  const family = isIP(address);
  const longest = family === 6 ? 128 : 32;
  const length = prefix === undefined ? longest : Number(prefix);
  if (family !== 0 && Number.isInteger(length) && length >= 0 && length <= longest)
    list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  return list;
}

function isWithin(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? "ipv6" : "ipv4");
}
