import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { parseJson, parseWith } from "../../protocol/wire/parse.ts";
import type { VendorApiDeps } from "./deps.ts";

const idempotencyHeader = "idempotency-key";
const Key = z.string().min(8).max(128);
const Answer = z.object({ status: z.number().int(), type: z.string(), text: z.string() });
type Answer = z.infer<typeof Answer>;

/**
 * Writes with an `Idempotency-Key` happen once: for 24 hours the same request under the same key gets the same answer again, marked
 * `idempotency-replayed`. Another request under it is a `conflict`, as is one that still runs. An answer can hold a secret that is
 * shown once, so it is kept sealed with a key that only the sender's own token opens; where there is no token yet, with what the body
 * proves itself by.
 */
export function answerOnce(app: OpenAPIHono, { idempotency, now, random }: VendorApiDeps): void {
  app.on(["POST", "PUT", "DELETE"], "/v1/*", async (c, next) => {
    const given = c.req.header(idempotencyHeader);
    if (given === undefined) return await next();
    const body = await c.req.text();
    const proof = c.req.header("authorization") ?? body;
    const key = digest(c.get("signIn")?.token ?? digest(proof), parseWith(Key, given, idempotencyHeader));
    const request = digest(c.req.method, c.req.path, body);
    const begun = { key, request, startedAt: now().getTime() };
    const before = await idempotency.begin(begun);
    if (before !== undefined) {
      refuseOther(before, request);
      return replay(unseal(before.answer ?? "", sealingKey(proof, key)));
    }
    await next();
    // What may go well the next time is no answer to keep
    if (c.res.status >= 500 || c.res.status === 429) return await idempotency.forget(begun);
    const { status, headers } = c.res;
    const kept = { status, type: headers.get("content-type") ?? "", text: await c.res.clone().text() };
    try {
      await idempotency.finish({ ...begun, answer: seal(kept, sealingKey(proof, key), random(12)) });
    } catch (error) {
      // It was done, and that is the answer; who sends it again within a minute hears that it still runs
      console.error(JSON.stringify({ idempotency: c.req.path, reason: describeError(error) }));
    }
  });
}

function refuseOther(before: { request: string; answer?: string }, request: string): void {
  if (before.request !== request) {
    throw new SutureError("conflict", "This idempotency key was used for another request");
  }
  if (before.answer === undefined) {
    throw new SutureError("conflict", "The request with this idempotency key still runs. Send it again in a moment");
  }
}

function replay({ status, type, text }: Answer): Response {
  const headers = { "idempotency-replayed": "true", ...(type !== "" && { "content-type": type }) };
  return new Response(text === "" ? null : text, { status, headers });
}

/** @param proof the token, or the invitation or ID token in the body: the service never keeps it */
function sealingKey(proof: string, salt: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", proof, salt, "suture-idempotency", 32));
}

/** AES-256-GCM: nonce, tag and ciphertext, as base64. */
function seal(answer: Answer, key: Uint8Array, nonce: Uint8Array): string {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

function unseal(text: string, key: Uint8Array): Answer {
  const bytes = Buffer.from(text, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(12, 28));
  const opened = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
  return parseJson(Answer, opened, "kept answer", "internal");
}

function digest(...parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
