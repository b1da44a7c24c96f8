import type { z } from "zod";
import { Problem, problemType } from "../../protocol/wire/problem.ts";

/** A request's JSON body in a route's description. The example is held against the schema by a test. */
export function jsonBody<S extends z.ZodType>(schema: S, example: unknown) {
  return { body: { required: true, content: { "application/json": { schema, example } } } } as const;
}

/** A route's good answer. */
export function answer<S extends z.ZodType>(schema: S, description: string, example: unknown) {
  return { description, content: { "application/json": { schema, example } } } as const;
}

/** A good answer without a body. */
export function nothing(description: string) {
  return { description } as const;
}

/** Every other answer of every route. */
export const failure = {
  default: {
    description: "A problem, by its code",
    content: {
      [problemType]: {
        schema: Problem,
        example: {
          type: "urn:suture:problem:not-found",
          title: "There is no such thing, or it is not yours",
          status: 404,
          detail: "There is no customer globex, or it is not yours",
          code: "not-found",
        },
      },
    },
  },
} as const;
