import { describeError } from "../../protocol/errors.ts";
import type { Network } from "../config/network-keys.ts";
import { withoutSecrets } from "../config/secrets.ts";
import { routeTo } from "../network/route.ts";
import type { Http } from "../system/http.ts";
import type { Check } from "./check.ts";

/** The service refuses requests from a clock that is further off; seconds. */
const clockTolerance = 300;

/** Whether the service can be reached, and tells the same time. */
export async function serverChecks(server: string | undefined, http: Http): Promise<Check[]> {
  if (server === undefined)
    return [
      { name: "server", ok: false, detail: "not enrolled, so no server is known", mend: "Name one with --server URL." },
    ];
  const sentAt = Date.now();
  try {
    const url = new URL("/tuf/service/timestamp.json", server).href;
    const { status, headers } = await http({ method: "GET", url, maxBytes: 1024 * 1024, timeout: 10_000 });
    const reached: Check = { name: "server", ok: status === 200, detail: `${server} answered ${status}` };
    return [reached, clockCheck(Date.parse(String(headers.date)), (sentAt + Date.now()) / 2)];
  } catch (error) {
    return [
      {
        name: "server",
        ok: false,
        detail: describeError(error),
        mend: mendOf(error),
      },
    ];
  }
}

function clockCheck(theirs: number, ours: number): Check {
  if (Number.isNaN(theirs)) return { name: "clock", ok: false, detail: "the server did not say what time it is" };
  const seconds = Math.round((ours - theirs) / 1000);
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} the server's`;
  return Math.abs(seconds) <= clockTolerance
    ? { name: "clock", ok: true, detail }
    : { name: "clock", ok: false, detail, mend: "Set this host's clock." };
}

/** By which way the service is reached. */
export function routeCheck(server: string, network: Network, from: string): Check {
  const { proxy, caFile, clientCertificate } = routeTo(network, new URL(server));
  const parts = [
    proxy === null ? "directly" : `through ${withoutSecrets(proxy)} (${from})`,
    new URL(server).protocol === "https:" ? "by TLS" : "without TLS, on this host's loopback",
    ...(caFile === null ? [] : [`trusting ${caFile} too`]),
    ...(clientCertificate === null ? [] : [`showing ${clientCertificate}`]),
  ];
  return { name: "way", ok: true, detail: parts.join(", ") };
}

/** What an error of the network wants, by the codes of Node and OpenSSL. */
const mends: readonly (readonly [codes: RegExp, mend: string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, "The name is not known here: check the address and DNS, or name a proxy (network.proxy)."],
  [/proxy/i, "Check network.proxy: its address, user and password, and whether it lets this host through."],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    "A certificate is not valid today: check this host's clock first, then the server's certificate.",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|unable to (?:get|verify)|self.signed/i,
    "Nobody trusted vouches for the server: name your authority's certificate in network.ca_file.",
  ],
  [/ALTNAME|altnames/, "The certificate is for another name: check the address, and who answers there."],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|alert/i,
    "The server wants a client's certificate: network.client_certificate and client_key.",
  ],
  [/ECONNREFUSED/, "Nothing listens there: check the address and the port."],
  [
    /ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|aborted/i,
    "No answer: check the network and the firewall, or name a proxy (network.proxy).",
  ],
];

function mendOf(error: unknown): string {
  const said = `${describeError(error)} ${codesOf(error).join(" ")}`;
  const known = mends.find(([codes]) => codes.test(said));
  return known?.[1] ?? "Check the address, the network, and the proxy or firewall between.";
}

function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code = "code" in error ? [String(error.code)] : [];
  return [...code, ...codesOf(error.cause)];
}
