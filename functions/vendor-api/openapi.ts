import type { z } from "zod";
import { Problem, problemType } from "../../protocol/wire/problem.ts";

/** A request's JSON body in a route's description. */
export function jsonBody<S extends z.ZodType>(schema: S, example?: z.input<S>) {
  return { body: { required: true, content: { "application/json": { schema, ...shown(example) } } } } as const;
}

/** A route's good answer. */
export function answer<S extends z.ZodType>(schema: S, description: string, example?: z.input<S>) {
  return { description, content: { "application/json": { schema, ...shown(example) } } } as const;
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

function shown(example: unknown): { example?: unknown } {
  return example === undefined ? {} : { example };
}
