import { SutureError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import { execSigner } from "./exec.ts";

/** Where a key is that is no file here (docs/cli.md, "Keys elsewhere"). */
const forms = "kms:KEY-ARN, or exec:/path/to/a/program";

/**
 * The signer of a key that is elsewhere: `kms:` and the ARN, id or alias of a KMS key, or `exec:` and a program that signs.
 * @throws SutureError `invalid-request` for anything else; `unavailable` where it does not answer
 */
export async function openSigner(uri: string): Promise<Signer> {
  const at = uri.indexOf(":");
  const [kind, place] = [uri.slice(0, at), uri.slice(at + 1)];
  if (kind === "exec" && place !== "") return await execSigner(place);
  // The AWS SDK only where it is used: it takes longer to load than all the rest
  if (kind === "kms" && place !== "") return await (await import("./kms.ts")).kmsSigner(place);
  throw new SutureError("invalid-request", `${uri} is no signer: it is ${forms}`);
}
