import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CryptoKey, importJWK } from "jose";
import { planSeconds } from "../../functions/domain/check-in-by.ts";
import { signingKey } from "../../functions/domain/plan-keys.ts";
import {
  duePlanKey,
  knownPlanKeys,
  publicPlanKeys,
  StoredPlanKey,
  urgentPlanKey,
} from "../../functions/jobs/plan-keys.ts";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { PlanKeys } from "../../protocol/wire/plan.ts";

/** The plan keys of an embedded service: files in one folder. On AWS they are a secret. */
export class PlanKeyRing {
  readonly #folder: string;
  readonly #longest: number;
  #keys: StoredPlanKey[] = [];
  #imported = new Map<string, CryptoKey>();

  /** @param longest how long a plan may be valid, in seconds */
  constructor(folder: string, longest = planSeconds) {
    this.#folder = folder;
    this.#longest = longest;
  }

  /** Loads the keys and makes the one that is due. @param now seconds since the epoch */
  async renew(now: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const files = (await readdir(this.#folder)).filter((name) => name.endsWith(".jwk"));
    const texts = await Promise.all(files.map((name) => readFile(join(this.#folder, name), "utf8")));
    this.#keys = texts.map((text) => parseJson(StoredPlanKey, text, "plan key", "state-damaged"));
    const due = await duePlanKey(this.#keys, now);
    if (due === undefined) return;
    const path = join(this.#folder, `${due.kid}.jwk`);
    await writeFile(path, JSON.stringify(due), { mode: 0o600, flag: "wx", flush: true });
    this.#keys.push(due);
  }

  /** Puts one key in the place of all: for one that may be stolen. @param now seconds since the epoch */
  async replace(now: number): Promise<void> {
    const gone = (await readdir(this.#folder)).filter((name) => name.endsWith(".jwk"));
    const next = await urgentPlanKey(now);
    const path = join(this.#folder, `${next.kid}.jwk`);
    await writeFile(path, JSON.stringify(next), { mode: 0o600, flush: true });
    for (const name of gone) if (name !== `${next.kid}.jwk`) await rm(join(this.#folder, name));
    this.#imported.clear();
    this.#keys = [next];
  }

  /** What agents are told: public halves only. */
  published(now: number): PlanKeys {
    return publicPlanKeys(knownPlanKeys(this.#keys, now, this.#longest));
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
}
