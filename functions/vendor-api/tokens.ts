import type { NewApiToken, Principal } from "../../protocol/wire/account.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import { hashOf } from "./auth.ts";

const hour = 3_600_000;
type Deps = { apiTokens: ApiTokensStore; now: () => Date; random: (bytes: number) => Uint8Array };

/** 256 random bits as 43 characters of base64url. */
export function newSecret(random: Deps["random"]): string {
  return Buffer.from(random(32)).toString("base64url");
}

/** Makes an API token for a principal; the answer is the only place where its secret ever stands. */
export async function issueApiToken(
  principal: Principal,
  { label, expiresInHours }: { label: string; expiresInHours: number },
  { apiTokens, now, random }: Deps,
): Promise<NewApiToken> {
  const token = `suture-api.${newSecret(random)}`;
  const createdAt = now().getTime();
  const expiresAt = createdAt + expiresInHours * hour;
  await apiTokens.create({ hash: hashOf(token), principal, label, createdAt, expiresAt });
  return { token, label, expiresAt: new Date(expiresAt).toISOString() };
}
