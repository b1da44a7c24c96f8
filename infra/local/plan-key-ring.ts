import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { z } from "zod";
import { planSeconds } from "../../functions/domain/check-in-by.ts";
import { planKeyDue, publishedKeys, signingKey } from "../../functions/domain/plan-keys.ts";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { PlanKeys } from "../../protocol/wire/plan.ts";

const StoredKey = z.object({
  kid: z.string(),
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
  nbf: z.number(),
  exp: z.number(),
});
type StoredKey = z.infer<typeof StoredKey>;

/** The plan keys of an embedded service: files in one folder. On AWS they are KMS-wrapped. */
export class PlanKeyRing {
  readonly #folder: string;
  #keys: StoredKey[] = [];
  #imported = new Map<string, CryptoKey>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Loads the keys and makes the one that is due. @param now seconds since the epoch */
  async renew(now: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.#folder)).filter((name) => name.endsWith(".jwk"));
    const texts = await Promise.all(files.map((name) => readFile(join(this.#folder, name), "utf8")));
    this.#keys = texts.map((text) => parseJson(StoredKey, text, "plan key", "state-damaged"));
    const due = planKeyDue(this.#keys, now);
    if (due !== undefined) this.#keys.push(await this.#make(due));
  }

  /** What agents are told: public halves only. */
  published(now: number): PlanKeys {
    const keys = publishedKeys(this.#keys, now, planSeconds);
    return { keys: keys.map(({ d: _secret, ...publicHalf }) => publicHalf) };
  }

  /** The key that signs plans now. @throws SutureError `unavailable` where none is valid */
  async signing(now: number): Promise<{ kid: string; privateKey: CryptoKey }> {
    const key = signingKey(this.#keys, now);
    if (key === undefined) throw new SutureError("unavailable", "No plan key is valid now");
    const known = this.#imported.get(key.kid);
    if (known !== undefined) return { kid: key.kid, privateKey: known };
    const privateKey = await importJWK(key, "EdDSA");
    if (privateKey instanceof Uint8Array) throw new SutureError("state-damaged", "The plan key is no key pair");
    this.#imported.set(key.kid, privateKey);
    return { kid: key.kid, privateKey };
  }

  async #make({ nbf, exp }: { nbf: number; exp: number }): Promise<StoredKey> {
    const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const jwk: JWK = await exportJWK(pair.privateKey);
    const key = StoredKey.parse({ ...jwk, kid: `plan-${nbf}`, nbf, exp });
    const path = join(this.#folder, `${key.kid}.jwk`);
    await writeFile(path, JSON.stringify(key), { mode: 0o600, flag: "wx", flush: true });
    return key;
  }
}
