import { z } from "zod";
import { type Code, problems, SutureError } from "../errors.ts";

const codes = Object.keys(problems) as [Code, ...Code[]];

/** Problem details (RFC 9457). `type` is the code under the project's own URN, so that nothing has to be fetched to read it. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(codes),
});
export type Problem = z.infer<typeof Problem>;
export const problemType = "application/problem+json";

/** The problem details of anything thrown. What is not a SutureError says nothing of its inside. */
export function toProblem(error: unknown): Problem {
  const known =
    error instanceof SutureError ? error : new SutureError("internal", "The service failed. Try again later.");
  const [status, title] = problems[known.code];
  return {
    ...known.data,
    type: `urn:suture:problem:${known.code}`,
    title,
    status,
    detail: known.message,
    code: known.code,
  };
}

/** The error behind problem details, or `undefined` where the body is none. */
export function fromProblem(body: unknown): SutureError | undefined {
  const parsed = Problem.safeParse(body);
  if (!parsed.success) return undefined;
  const { type: _type, title: _title, status: _status, detail, code, ...data } = parsed.data;
  return new SutureError(code, detail, { data });
}
