import type { Context, Hono } from "hono";
import type { PageRequest } from "../../stores/page.ts";
import { answerCsvInParts, answerPage } from "../answer.tsx";
import type { MachineStores } from "../machines/read.ts";
import { only, type SessionDeps, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { ReportPage, type ReportQuery, reportCsv } from "./page.tsx";
import { readReport } from "./read.ts";

const day = 86_400_000;
const usual = 30 * day;
/** Each machine of a file is read with its receipts, and their signatures are checked. */
const machinesOfPart = 500;

/** The compliance report. */
export function reportRoutes(app: Hono, deps: MachineStores & SessionDeps): void {
  const customers = only(["customer"], deps);

  app.get("/report", customers, async (c) => {
    const { query, period, cursor } = asked(c);
    const report = await readReport(deps, tenantOf(c), { group: query.group, period, cursor });
    const { user, label } = c.get("signIn");
    const page = (
      <ReportPage
        report={report}
        query={query}
        period={period}
        account={tenantOf(c)}
        user={user ?? label}
        cursor={cursor}
        now={deps.now().getTime()}
      />
    );
    return answerPage(c, { title: texts.report.title, page });
  });

  app.get("/report.csv", customers, async (c) => {
    const { query, period } = asked(c);
    const list = async ({ cursor }: PageRequest) => {
      const { machines: items, ...page } = await readReport(deps, tenantOf(c), { group: query.group, period, cursor });
      return { items, ...(page.cursor !== undefined && { cursor: page.cursor }) };
    };
    return answerCsvInParts(c, "receipts", list, reportCsv, machinesOfPart);
  });

  /** The period's last day is in it. Days that are none, or none after the first, are the usual ones. */
  function asked(c: Context) {
    const now = deps.now().getTime();
    const from = dayOf(c.req.query("from")) ?? now - usual;
    const said = dayOf(c.req.query("to")) ?? now;
    const to = said < from ? now : said;
    const query: ReportQuery = { from: textOf(from), to: textOf(to), group: c.req.query("group") || undefined };
    const period = { from: Date.parse(query.from), until: Date.parse(query.to) + day };
    return { query, period, cursor: c.req.query("cursor") };
  }
}

function dayOf(text: string | undefined): number | undefined {
  const millis = /^\d{4}-\d\d-\d\d$/.test(text ?? "") ? Date.parse(text ?? "") : Number.NaN;
  return Number.isNaN(millis) ? undefined : millis;
}

function textOf(millis: number): string {
  return new Date(millis).toISOString().slice(0, 10);
}
