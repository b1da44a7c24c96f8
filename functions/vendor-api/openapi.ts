import type { z } from "zod";
import { Problem, problemType } from "../../protocol/wire/problem.ts";

/** A request's JSON body in a route's description. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { body: { required: true, content: { "application/json": { schema } } } } as const;
}

/** A route's good answer. */
export function answer<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { "application/json": { schema } } } as const;
}

/** Every other answer of every route. */
export const failure = {
  default: { description: "A problem, by its code", content: { [problemType]: { schema: Problem } } },
} as const;
