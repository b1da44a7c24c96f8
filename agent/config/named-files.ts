import { readFileSync, statSync } from "node:fs";
import { describeError } from "../../protocol/errors.ts";
import { othersMay } from "../system/ownership.ts";
import type { Network } from "./network-keys.ts";
import type { Problem } from "./values.ts";

/** What is wrong with the files that a configuration names; a key that others can read is none. */
export function problemsOfFiles(network: Network): Problem[] {
  return [network, ...Object.values(network.hosts)].flatMap(({ ca_file, client_certificate, client_key }) => [
    ...problemOf("CERTIFICATE", ca_file),
    ...problemOf("CERTIFICATE", client_certificate),
    ...problemOf("PRIVATE KEY", client_key),
    ...(client_key && !client_certificate ? [{ from: client_key, reason: "a key without a client_certificate" }] : []),
  ]);
}

function problemOf(label: string, file: string | null | undefined): Problem[] {
  if (file === null || file === undefined) return [];
  try {
    const isPrivate = othersMay(statSync(file)) === 0;
    if (label === "PRIVATE KEY" && !isPrivate)
      return [{ from: file, reason: "others can read this key: chmod 600 it" }];
    if (readFileSync(file, "latin1").includes(`${label}-----`)) return [];
    return [{ from: file, reason: `it holds no PEM ${label.toLowerCase()}` }];
  } catch (error) {
    return [{ from: file, reason: describeError(error) }];
  }
}
