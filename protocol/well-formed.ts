/**
 * JSON of a value whose strings are all well-formed Unicode: half a surrogate pair, as a cut through an emoji leaves it, becomes U+FFFD.
 * Databases refuse half pairs, so that one in a statement would keep it from ever being stored.
 *
 * @see https://www.unicode.org/versions/latest/core-spec/chapter-3/#G2630 surrogates
 */
export function wellFormedJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "string" ? each.toWellFormed() : each));
}
