import { SutureError } from "./errors.ts";

/**
 * Refuses a value that holds half a surrogate pair somewhere, in a string or in a name.
 * @param what named in the error, such as `body`
 * @throws SutureError `invalid-request`
 */
export function requireWellFormed(value: unknown, what: string): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    const detail = `${what}: holds half a surrogate pair, which is not well-formed Unicode`;
    throw new SutureError("invalid-request", detail, {
      data: { issues: [{ path: what, reason: "not well-formed Unicode" }] },
    });
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    requireWellFormed(name, what);
    requireWellFormed(each, `${what}.${name}`);
  }
}

/**
 * JSON of a value whose strings are all well-formed Unicode: half a surrogate pair, as a cut through an emoji leaves it, becomes U+FFFD.
 * Databases refuse half pairs, so that one in a statement would keep it from ever being stored.
 *
 * @see https://www.unicode.org/versions/latest/core-spec/chapter-3/#G2630 surrogates
 */
export function wellFormedJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "string" ? each.toWellFormed() : each));
}
