import { createHash } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { etag } from "hono/etag";
import { SutureError } from "../../protocol/errors.ts";
import type { SignIn } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { readAgain } from "./inner.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** what was there before a change, where no GET on the same path says it */
    before?: object;
    /** in whose log a change stands, where the path does not say it: `customer/globex` */
    log?: string;
    /** nothing was changed, so nothing is logged */
    unchanged?: true;
  }
}

/** Longer texts stand in the log by their digest: signed metadata can be a megabyte, and an entry at most 400 KB. Characters. */
const longestText = 500;
const longestEntry = 100_000;
/** Answers' members that open something. */
const secrets = new Set(["token", "invitation", "idToken", "url", "headers"]);

/**
 * What every change has in common, in one place: reads carry an ETag (RFC 9110, section 8.8.3), writes may ask for it with If-Match
 * and end with `precondition-failed`, and each that succeeds is logged with what a GET on the same path said before and what was
 * answered. A handler may know better: `before`; `log`, where the path names no tenant; `unchanged`.
 */
export function watchChanges(app: OpenAPIHono, deps: Pick<VendorApiDeps, "audit" | "now">): void {
  app.get("/v1/*", etag(), async (c, next) => {
    await next();
    if (c.res.ok) c.header("etag", tagOf(await c.res.clone().json()));
  });
  app.on(["PUT", "POST", "DELETE"], "/v1/*", async (c, next) => {
    // A POST to a list makes something new; one to a thing changes it
    const changes = c.req.method !== "POST" || /\/:\w+$/.test(c.get("route") ?? "");
    const before = changes ? await readAgain(app, c) : undefined;
    refuseOtherThan(c.req.header("if-match"), before);
    await next();
    if (c.res.ok && !c.get("unchanged")) await logChange(c, before, deps);
  });
}

/** The same for the same content: a row's members come in an order that changes from one reading to the next. */
function tagOf(answer: unknown): string {
  const inOrder = JSON.stringify(answer, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return `"${createHash("sha256").update(inOrder).digest("hex").slice(0, 32)}"`;
}

function refuseOtherThan(wanted: string | undefined, before: Response | undefined): void {
  if (wanted === undefined) return;
  const current = before?.ok ? before.headers.get("etag") : null;
  const matches = wanted === "*" ? current !== null : wanted.split(",").some((tag) => tag.trim() === current);
  if (!matches) throw new SutureError("precondition-failed", "It is not, or not any more, what If-Match says");
}

async function logChange(
  c: Context,
  before: Response | undefined,
  { audit, now }: Pick<VendorApiDeps, "audit" | "now">,
) {
  const entry = {
    at: now().getTime(),
    who: whoOf(c.get("signIn")),
    what: `${c.req.method} ${c.req.path}`,
    ...shown("before", c.get("before") ?? (before?.ok ? await jsonOf(before) : undefined)),
    ...shown("after", await jsonOf(c.res.clone())),
  };
  const log = c.get("log");
  for (const each of log === undefined ? logsOf(c.req.path) : [log]) await audit.append({ ...entry, log: each });
}

/** A change stands in the log of every tenant that it concerns; what concerns none is the service's. */
function logsOf(path: string): string[] {
  const [, , collection, tenant, area, vendor] = path.split("/");
  if (collection === "vendors" && tenant !== undefined) return [`vendor/${tenant}`];
  if (collection !== "customers" || tenant === undefined) return ["service"];
  return [`customer/${tenant}`, ...(area === "subscriptions" && vendor !== undefined ? [`vendor/${vendor}`] : [])];
}

function whoOf(signIn: SignIn | undefined): string {
  if (signIn === undefined) return "somebody with a secret of the tenant's";
  const { principal, label } = signIn;
  return `${principal.kind} ${principal.tenant}, ${principal.role} (${label})`;
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

function shown(name: "before" | "after", value: unknown): { [name: string]: string } {
  if (value === undefined) return {};
  const text = JSON.stringify(value, (key, member) => {
    if (secrets.has(key)) return "(not kept)";
    return typeof member === "string" && member.length > longestText ? digest(member) : member;
  });
  return { [name]: text.length > longestEntry ? JSON.stringify(digest(text)) : text };
}

function digest(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")} of ${text.length} characters`;
}
