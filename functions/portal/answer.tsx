import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { JSX } from "hono/jsx/jsx-runtime";
import { csvLine } from "../../protocol/csv.ts";
import { SutureError } from "../../protocol/errors.ts";
import { toProblem } from "../../protocol/wire/problem.ts";
import { etagOf, hasEtag } from "../etag.ts";
import { answerProblem, secondsToWait } from "../problem.ts";
import { collectSome, type Page, type PageRequest } from "../stores/page.ts";
import { Layout } from "./layout.tsx";
import { ProblemPage } from "./parts/problem.tsx";
import { texts } from "./texts.ts";

/**
 * A Lambda function answers at most 6 MB, behind the HTTP API within 29 s: 20,000 machines are 2.5 MB and, at the portal's share of a
 * processor, some 8 s.
 */
const rowsOfPart = 20_000;

type Status = 200 | 400 | 401;
/** A page of its own, and the status that it is answered with. */
type PlainPage = { title: string; page: JSX.Element; status?: Status };
/**
 * A page of which `page` is asked for again while it is open, from `href`, or from where it was asked for first. `above` stands over
 * it and is left alone: forms that somebody may be filling in.
 */
type LivePage = { title: string; page: JSX.Element; above?: JSX.Element; href?: string };

/** Answers a page that is read once. */
export function answerPage(c: Context, { title, page, status = 200 }: PlainPage) {
  c.header("cache-control", "no-store");
  return answerHtml(
    c,
    <Layout title={title} nav={navOf(c)}>
      {page}
    </Layout>,
    status,
  );
}

/** Answers a page, or to the page itself when it asks again: what changed, or that nothing did. */
export async function answerLive(c: Context, { title, page, above, href }: LivePage) {
  const html = String(await page);
  const etag = etagOf(html);
  c.header("cache-control", "no-store");
  c.header("vary", "hx-request");
  if (c.req.header("hx-request") !== undefined) {
    c.header("etag", etag);
    return hasEtag(c, etag) ? c.body(null, 304) : c.html(html);
  }
  const { pathname, search } = new URL(c.req.url);
  return answerHtml(
    c,
    <Layout title={title} nav={navOf(c)} live={{ html, etag, href: href ?? pathname + search }}>
      {above}
    </Layout>,
  );
}

type CsvRows = readonly (readonly (string | number)[])[];

/**
 * Answers a list as a file of comma-separated values (RFC 4180).
 * @param rows the names of the columns first
 */
export function answerCsv(c: Context, name: string, rows: CsvRows) {
  c.header("cache-control", "no-store");
  c.header("content-disposition", `attachment; filename="${name}.csv"`);
  return c.body(rows.map((row) => `${csvLine(row)}\r\n`).join(""), 200, {
    "content-type": "text/csv; charset=utf-8",
  });
}

/**
 * The same of a list that grows with the fleet. What is longer than a part comes in parts, each of which names the next one in its `link`
 * (RFC 8288): the first has the names of the columns.
 * @param list a page of what is listed
 * @param toRows the names of the columns first
 * @param most of the list in one part
 */
export async function answerCsvInParts<T>(
  c: Context,
  name: string,
  list: (request: PageRequest) => Promise<Page<T>>,
  toRows: (items: readonly T[]) => CsvRows,
  most = rowsOfPart,
) {
  const before = c.req.query("cursor");
  const { signal } = c.req.raw;
  const whileWanted = async (request: PageRequest) => {
    if (signal.aborted) throw new SutureError("unavailable", "The client has closed the connection");
    return await list(request);
  };
  const { items, cursor } = await collectSome(whileWanted, most, before);
  linkNextPart(c, cursor);
  const rows = toRows(items);
  const isPart = before !== undefined || cursor !== undefined;
  return answerCsv(c, isPart ? `${name}-part` : name, before === undefined ? rows : rows.slice(1));
}

/** Names the next part of a list in the answer's `link` (RFC 8288), where there is one. */
export function linkNextPart(c: Context, cursor: string | undefined): void {
  if (cursor === undefined) return;
  const next = new URL(c.req.url);
  next.searchParams.set("cursor", cursor);
  c.header("link", `<${next.pathname}${next.search}>; rel="next"`);
}

/** Errors are pages for people and problem details for programs. */
export function answerError(error: Error, c: Context) {
  const refusal = error instanceof HTTPException && error.status === 403;
  const known = refusal ? new SutureError("forbidden", texts.problem.crossSite, { cause: error }) : error;
  const wantsPage = c.req.header("accept")?.includes("text/html") && c.req.header("hx-request") === undefined;
  if (!wantsPage) return answerProblem(known, c);
  const problem = toProblem(known);
  if (problem.status >= 500) console.error(error);
  const seconds = secondsToWait(problem);
  if (seconds !== undefined) c.header("retry-after", seconds);
  return answerPage(c, {
    title: problem.title,
    page: <ProblemPage problem={problem} />,
    status: problem.status as Status,
  });
}

/** Who looks, as the frame shows it; nobody before the sign-in. */
function navOf(c: Context) {
  const signIn = c.get("signIn");
  return signIn && { signIn, path: c.req.path };
}

async function answerHtml(c: Context, page: JSX.Element, status: Status = 200) {
  return c.html(`<!doctype html>${await page}`, status);
}
