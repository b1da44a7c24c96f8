import type { OpenAPIHono } from "@hono/zod-openapi";
import type { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { fromProblem } from "../../protocol/wire/problem.ts";
import type { SignIn } from "../vendor-api/auth.ts";
import { requestAs } from "../vendor-api/inner.ts";

/** vendor-api, as a page asks it for whoever looks at the page. */
export type Service = {
  /**
   * Reads, or does, what this path of the API says.
   * @throws SutureError as vendor-api answers it: `forbidden`, `not-found` and what the route says
   */
  call<S extends z.ZodType>(method: Method, path: string, schema: S, body?: unknown): Promise<z.output<S>>;
};
type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Never asked over a wire, but a request has an address. */
const origin = "http://vendor-api";

/**
 * vendor-api in this process, as one sign-in: a page has no rule of its own about who may do what, and what it changes stands in the
 * audit log with the person's name (docs/adr/0040).
 */
export function serviceAs(app: OpenAPIHono, signIn: SignIn): Service {
  return {
    async call(method, path, schema, body) {
      const response = await requestAs(app, signIn, origin + path, {
        method,
        ...(body !== undefined && {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      });
      const text = await response.text();
      const answer: unknown = text === "" ? undefined : JSON.parse(text);
      if (response.ok) return parseWith(schema, answer, `answer of ${method} ${path}`, "internal");
      throw (
        fromProblem(answer) ?? new SutureError("internal", `${method} ${path} was answered with ${response.status}`)
      );
    },
  };
}
