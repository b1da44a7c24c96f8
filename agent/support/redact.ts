import { withoutSecrets } from "../config/secrets.ts";

const removed = "[removed]";

/** What is secret wherever it stands: tokens, signed words that can be shown again, keys, signatures in addresses. */
const shapes: readonly (readonly [shape: RegExp, kept: string])[] = [
  [/suture-[a-z]+\.[A-Za-z0-9_-]{20,}(?:\.[0-9a-f]{64})?/g, removed],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+/g, removed],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, removed],
  [/((?:proxy-)?authorization["']?\s*[:=]\s*["']?)[^"'\n]+/gi, `$1${removed}`],
  [
    /((?:token|secret|passw(?:or)?d|ticket|signature|credential|api_?key)["']?\s*[:=]\s*["']?)[^\s"'&,;]+/gi,
    `$1${removed}`,
  ],
  [/([?&](?:x-amz-[a-z-]+|sig|key-pair-id|policy|expires)=)[^\s"'&]+/gi, `$1${removed}`],
];

/**
 * Text without what is secret in it, to be given away: first the secrets that this host is known to have, each wherever it stands, then
 * all that looks like one.
 */
export function redact(text: string, secrets: readonly string[]): string {
  // A short word would be found in what is none
  const known = secrets.filter((secret) => secret.length >= 6);
  const without = known.reduce((rest, secret) => rest.replaceAll(secret, removed), text);
  return shapes.reduce((rest, [shape, kept]) => rest.replaceAll(shape, kept), withoutSecrets(without));
}

/** Every text of a JSON value that stands under one of these names: what a file of ours keeps that nobody else may have. */
export function textsUnder(value: unknown, names: readonly string[]): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    names.includes(name) && typeof inner === "string" ? [inner] : textsUnder(inner, names),
  );
}
