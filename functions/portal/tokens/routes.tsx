import type { Context, Hono } from "hono";
import { z } from "zod";
import { ApiTokenList, NewApiToken } from "../../../protocol/wire/account.ts";
import { CustomerView, EnrolmentTokenCreated, EnrolmentTokenList } from "../../../protocol/wire/customer.ts";
import { Sha256 } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { rolesOf } from "../../vendor-api/tenants.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, formLimit, given, readForm } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, kindOf, may, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { ApiTokenMadePage, ApiTokenPage, type DraftApiToken } from "./api-token.tsx";
import { InstallCommandPage, InstallPage } from "./install.tsx";
import { apiCsv, enrolmentCsv, TokensPage } from "./list.tsx";

export function tokenRoutes(app: Hono, deps: ServiceDeps): void {
  const customers = only(["customer"], deps);
  const tenants = only(["customer", "vendor"], deps);
  const now = () => deps.now().getTime();

  app.get("/tokens", tenants, async (c) => {
    const { cursor, api } = c.req.query();
    const [enrolment, apiTokens] = await Promise.all([
      kindOf(c) === "customer" ? enrolmentPage(c, cursor) : undefined,
      may(c, "GET", apiTokensRoute(c)) ? apiPage(c, api) : undefined,
    ]);
    const page = (
      <TokensPage
        enrolment={
          enrolment && {
            ...enrolment,
            next: enrolment.cursor && hrefWith("/tokens", { cursor: enrolment.cursor, api }),
          }
        }
        mayEnrol={may(c, "POST", "/v1/customers/:customer/enrolment-tokens")}
        api={
          apiTokens && {
            ...apiTokens,
            next: apiTokens.cursor && hrefWith("/tokens", { cursor, api: apiTokens.cursor }),
          }
        }
        now={now()}
      />
    );
    return answerPage(c, { title: texts.tokens.title, page });
  });

  app.get("/tokens.csv", customers, async (c) => {
    const tokens = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call(
        "GET",
        tenantPath(c, `/enrolment-tokens${query}`),
        EnrolmentTokenList,
      );
      return { items: answer.tokens, cursor: answer.cursor };
    });
    return answerCsv(c, "enrolment-tokens", enrolmentCsv(tokens, now()));
  });

  app.get("/tokens/api.csv", tenants, async (c) => {
    const tokens = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/api-tokens${query}`), ApiTokenList);
      return { items: answer.tokens, cursor: answer.cursor };
    });
    return answerCsv(c, "api-tokens", apiCsv(tokens, now()));
  });

  app.get("/tokens/new", customers, (c) => askInstall(c, given({ group: c.req.query("group") })));

  app.post("/tokens/new", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const [group, tags, uses, hours] = [form.text("group"), form.text("tags"), form.text("uses"), form.text("hours")];
    const body = given({
      group,
      tags: form.list("tags"),
      uses: form.number("uses"),
      expiresInHours: form.number("hours"),
    });
    return await attempt(
      async () => {
        const path = tenantPath(c, "/enrolment-tokens");
        const created = await serviceOf(c, deps).call("POST", path, EnrolmentTokenCreated, body);
        const page = <InstallCommandPage created={created} origin={originOf(c)} />;
        return answerPage(c, { title: texts.newToken.title, page });
      },
      (refusal) => askInstall(c, given({ group, tags, uses, hours }), refusal.message),
    );
  });

  app.get("/tokens/api/new", tenants, (c) => askApi(c, {}));

  app.post("/tokens/api/new", tenants, formLimit, async (c) => {
    const form = await readForm(c);
    const scopes = form.all("scopes");
    const draft = given({ label: form.text("label"), role: form.text("role"), days: form.text("days") });
    const days = form.number("days");
    const body = given({
      label: draft.label ?? "",
      role: draft.role,
      expiresInHours: days === undefined ? undefined : days * 24,
      scopes: scopes.length === 0 ? undefined : scopes,
    });
    return await attempt(
      async () => {
        const made = await serviceOf(c, deps).call("POST", tenantPath(c, "/api-tokens"), NewApiToken, body);
        return answerPage(c, { title: made.label, page: <ApiTokenMadePage made={made} /> });
      },
      (refusal) => askApi(c, { ...draft, ...(scopes.length > 0 && { scopes }) }, refusal.message),
    );
  });

  app.post("/tokens/api/:token/revoke", tenants, formLimit, async (c) => {
    const id = parseWith(Sha256, c.req.param("token"), "token", "not-found");
    await serviceOf(c, deps).call("DELETE", tenantPath(c, `/api-tokens/${id}`), z.undefined());
    return c.redirect("/tokens", 303);
  });

  async function askInstall(c: Context, draft: Parameters<typeof InstallPage>[0]["draft"], refusal?: string) {
    const { groups } = await serviceOf(c, deps).call("GET", tenantPath(c, ""), CustomerView);
    const page = <InstallPage draft={draft} groups={Object.keys(groups)} origin={originOf(c)} refusal={refusal} />;
    return answerPage(c, { title: texts.newToken.title, page });
  }

  function askApi(c: Context, draft: DraftApiToken, refusal?: string) {
    const page = <ApiTokenPage draft={draft} roles={rolesOf[kindOf(c)]} refusal={refusal} />;
    return answerPage(c, { title: texts.newApiToken.title, page });
  }

  function enrolmentPage(c: Context, cursor: string | undefined) {
    const path = tenantPath(c, hrefWith("/enrolment-tokens", { cursor }));
    return serviceOf(c, deps).call("GET", path, EnrolmentTokenList);
  }

  function apiPage(c: Context, cursor: string | undefined) {
    return serviceOf(c, deps).call("GET", tenantPath(c, hrefWith("/api-tokens", { cursor })), ApiTokenList);
  }
}

function apiTokensRoute(c: Context): string {
  return `/v1/${kindOf(c)}s/:${kindOf(c)}/api-tokens`;
}

function originOf(c: Context): string {
  return new URL(c.req.url).origin;
}
