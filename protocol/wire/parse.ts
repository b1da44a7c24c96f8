import type { z } from "zod";
import { type Code, describeError, SutureError } from "../errors.ts";

/** The path of an issue with all of the input, and no field of it. */
const whole = "(whole)";

/**
 * Parses outside input by a schema.
 * @throws SutureError with `code`; its `data.issues` name each path and reason
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  code: Code = "invalid-request",
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw misfit(result.error, what, code);
}

/** The refusal of input that a schema did not take, as `parseWith` throws it. */
export function misfit(error: z.core.$ZodError, what: string, code: Code = "invalid-request"): SutureError {
  const issues = error.issues.map((issue) => ({ path: pathOf(issue.path), reason: issue.message }));
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  const where = first === undefined || first.path === whole ? what : `${what}: ${first.path}`;
  return new SutureError(code, `${where}: ${first?.reason ?? "invalid"}${more}`, { cause: error, data: { issues } });
}

/**
 * Parses JSON text by a schema.
 * @throws SutureError with `code` for text that is not JSON too
 */
export function parseJson<S extends z.ZodType>(
  schema: S,
  text: string,
  what: string,
  code: Code = "invalid-request",
): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SutureError(code, `${what}: not JSON: ${describeError(cause)}`, { cause });
  }
  return parseWith(schema, value, what, code);
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return whole;
  return path
    .map((key, at) => (typeof key === "number" ? `[${key}]` : at === 0 ? String(key) : `.${String(key)}`))
    .join("");
}
