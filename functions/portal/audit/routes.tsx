import type { Context, Hono } from "hono";
import { AuditList } from "../../../protocol/wire/audit.ts";
import { answerCsv, answerPage, linkNextPart } from "../answer.tsx";
import { given } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { AuditPage, auditCsv } from "./list.tsx";
import { type AuditFilter, searchAudit } from "./search.ts";

/** A part of a file holds no more than this, and names the next. */
const mostInPart = 10_000;

export function auditRoutes(app: Hono, deps: ServiceDeps): void {
  const everybody = only(["customer", "vendor", "operator"], deps);

  app.get("/audit", everybody, async (c) => {
    const filter = filterOf(c);
    const cursor = c.req.query("cursor");
    const { entries, next } = await searchAudit(readOf(c), filter, { cursor });
    const page = <AuditPage entries={entries} filter={filter} next={next} isFirst={cursor === undefined} />;
    return answerPage(c, { title: texts.audit.title, page });
  });

  app.get("/audit.csv", everybody, async (c) => {
    const { entries, isPart, isFirst } = await exported(c);
    const rows = auditCsv(entries);
    return answerCsv(c, isPart ? "audit-part" : "audit", isFirst ? rows : rows.slice(1));
  });

  app.get("/audit.ndjson", everybody, async (c) => {
    const { entries, isPart } = await exported(c);
    return c.body(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), 200, {
      "cache-control": "no-store",
      "content-disposition": `attachment; filename="${isPart ? "audit-part" : "audit"}.ndjson"`,
      "content-type": "application/x-ndjson; charset=utf-8",
    });
  });

  /** A part of the whole log, from where the address says; the answer names the next part. */
  async function exported(c: Context) {
    const cursor = c.req.query("cursor");
    const found = await searchAudit(readOf(c), filterOf(c), { cursor, reads: mostInPart / 100, rows: mostInPart });
    linkNextPart(c, found.next);
    const isFirst = cursor === undefined;
    return { entries: found.entries, isFirst, isPart: !isFirst || found.next !== undefined };
  }

  function readOf(c: Context) {
    const service = serviceOf(c, deps);
    return (cursor: string | undefined) =>
      service.call("GET", tenantPath(c, hrefWith("/audit", { limit: "100", cursor })), AuditList);
  }
}

function filterOf(c: Context): AuditFilter {
  const { who, what, from, to } = c.req.query();
  return given({ who: who || undefined, what: what || undefined, from: dayIn(from), to: dayIn(to) });
}

function dayIn(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined;
}
