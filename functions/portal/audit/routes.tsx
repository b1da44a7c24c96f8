import type { Context, Hono } from "hono";
import { AuditList } from "../../../protocol/wire/audit.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { given } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { AuditPage, auditCsv } from "./list.tsx";
import { type AuditFilter, searchAudit } from "./search.ts";

/** A file holds no more than this; a narrower filter, or `suture audit`, has the rest. */
const mostExported = 10_000;

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
    const { entries } = await exported(c);
    return answerCsv(c, "audit", auditCsv(entries));
  });

  app.get("/audit.ndjson", everybody, async (c) => {
    const { entries } = await exported(c);
    return c.body(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), 200, {
      "cache-control": "no-store",
      "content-disposition": 'attachment; filename="audit.ndjson"',
      "content-type": "application/x-ndjson; charset=utf-8",
    });
  });

  function exported(c: Context) {
    const reads = mostExported / 100;
    return searchAudit(readOf(c), filterOf(c), { reads, rows: mostExported });
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
