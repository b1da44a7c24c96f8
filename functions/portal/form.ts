import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { type Code, isSutureError, SutureError } from "../../protocol/errors.ts";
import { texts } from "./texts.ts";

/** An identity provider's keys are the longest that anybody pastes. Bytes. */
const maxForm = 64 * 1024;
export const formLimit = bodyLimit({
  maxSize: maxForm,
  onError() {
    throw new SutureError("too-large", texts.problem.tooLarge);
  },
});

/** A form as somebody filled it in: what was left empty is not there. */
export type Form = {
  /** without the space around it */
  text: (name: string) => string | undefined;
  /** what the API says of a number that is none, it says of NaN */
  number: (name: string) => number | undefined;
  /** texts between commas, spaces or lines */
  list: (name: string) => string[] | undefined;
  /** each value of fields that share a name, empty ones too: rows of a table */
  all: (name: string) => string[];
};

/** Reads a form that was sent. */
export async function readForm(c: Context): Promise<Form> {
  const fields = await c.req.parseBody({ all: true });
  const all = (name: string) =>
    [fields[name] ?? []].flat().flatMap((value) => (typeof value === "string" ? [value.trim()] : []));
  const text = (name: string) => all(name)[0] || undefined;
  return {
    all,
    text,
    number(name) {
      const said = text(name);
      return said === undefined ? undefined : Number(said.replace(",", "."));
    },
    list(name) {
      const items = text(name)
        ?.split(/[\s,]+/)
        .filter((item) => item !== "");
      return items?.length ? items : undefined;
    },
  };
}

/**
 * Does what a form asks. A refusal that a person can do something about is handed to `refused`, which shows the form again with what was
 * filled in; it is answered with the refusal's own status. Anything else goes on.
 */
export async function attempt(
  act: () => Promise<Response>,
  refused: (refusal: SutureError) => Response | Promise<Response>,
): Promise<Response> {
  try {
    return await act();
  } catch (error) {
    if (!isSutureError(error) || error.status >= 500 || forNobodyHere.has(error.code)) throw error;
    const { body, headers } = await refused(error);
    return new Response(body, { status: error.status, headers });
  }
}

const forNobodyHere: ReadonlySet<Code> = new Set(["not-found", "forbidden", "rate-limited"]);

/** The members of an object that are there, for bodies in which nothing may stand for what was not said. */
export function given<T extends object>(members: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
