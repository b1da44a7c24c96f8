import { join } from "node:path";
import { exportJWK, generateKeyPair, importJWK } from "jose";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import type { MachineKeys } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import { MachineId, Name, Sha256 } from "../../protocol/wire/names.ts";
import { jsonFile } from "./json-file.ts";

const PrivateKey = z.strictObject({ ...MachineKey.shape, d: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

const Enrolment = z.object({
  server: z.url(),
  machine: MachineId,
  customer: Name,
  group: Name,
  /** seconds since the epoch */
  enrolledAt: z.number().int(),
  /** retires itself when it is asked to stop */
  ephemeral: z.boolean().default(false),
  /** which installation was enrolled; another one here means that this folder is a copy. Empty where it has no machine-id */
  hostId: z.string().default(""),
  /** the SHA-256 of the service's first root, which the enrolment token pinned; absent where an older release enrolled */
  serviceRoot: Sha256.optional(),
});
/** Where this host belongs. */
export type Enrolment = z.infer<typeof Enrolment>;

/** The file that says where this host belongs; written last, so that it stands for a whole enrolment. */
export function enrolmentFile(directory: string) {
  return jsonFile(join(directory, "identity.json"), Enrolment);
}

/** Where this host belongs. Throws `not-enrolled`. */
export function readEnrolment(directory: string): Enrolment {
  const enrolment = enrolmentFile(directory).read();
  if (enrolment === undefined) throw new SutureError("not-enrolled", `${directory} holds no enrolment`);
  return enrolment;
}

/**
 * The machine's own Ed25519 key: made on first use, kept before anything is signed with it, so that a host whose enrolment was cut
 * off comes back as the same machine.
 */
export async function machineKeys(directory: string): Promise<MachineKeys> {
  const file = jsonFile(join(directory, "key.json"), PrivateKey);
  let key = file.read();
  if (key === undefined) {
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    key = PrivateKey.parse(await exportJWK(privateKey));
    file.write(key);
  }
  const imported = await importJWK(key, "EdDSA");
  if (imported instanceof Uint8Array) throw new SutureError("state-damaged", "key.json holds no Ed25519 key");
  const { kty, crv, x } = key;
  return { publicKey: { kty, crv, x }, privateKey: imported };
}
