import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import type { ApiTokensStore } from "../../functions/stores/api-tokens.ts";
import { isSutureError } from "../../protocol/errors.ts";

const year = 365 * 86_400_000;

/** The operator's API token of an embedded service: a file, 0600, made at the first start. */
export async function operatorToken(path: string, apiTokens: ApiTokensStore, now: number): Promise<string> {
  const token = await readOrMake(path);
  const hash = createHash("sha256").update(token).digest("hex");
  try {
    const principal = { kind: "operator", tenant: "service", role: "operator" } as const;
    await apiTokens.create({ hash, principal, label: "embedded operator", createdAt: now, expiresAt: now + year });
  } catch (error) {
    if (!isSutureError(error, "already-exists")) throw error;
  }
  return token;
}

async function readOrMake(path: string): Promise<string> {
  const token = `suture-api.${randomBytes(32).toString("base64url")}`;
  try {
    await writeFile(path, token, { mode: 0o600, flag: "wx", flush: true });
    return token;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return await readFile(path, "utf8");
  }
}
