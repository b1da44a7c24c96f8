import type { Context, Hono } from "hono";
import { CustomerView } from "../../../protocol/wire/customer.ts";
import { Name } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { PolicyList, PolicyTerms, PolicyView } from "../../../protocol/wire/policy.ts";
import { inOrder } from "../../domain/policy.ts";
import type { MachinesStore } from "../../stores/machines.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, formLimit, readForm } from "../form.ts";
import { everyPage, may, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { newPolicy, policyOf } from "./form.ts";
import { PoliciesPage, policiesCsv } from "./list.tsx";
import { PolicyPage } from "./policy.tsx";
import { type Preview, previewPolicy } from "./preview.ts";

type Deps = ServiceDeps & { machines: MachinesStore };
type Shown = { policy: PolicyView; isNew: boolean; preview?: Preview; refusal?: string };

export function policyRoutes(app: Hono, deps: Deps): void {
  const customers = only(["customer"], deps);

  app.get("/policies", customers, async (c) => {
    const [policies, customer] = await Promise.all([listed(c), customerOf(c)]);
    const page = <PoliciesPage policies={policies} customer={customer} mayChange={mayChange(c)} />;
    return answerPage(c, { title: texts.policies.title, page });
  });

  app.get("/policies.csv", customers, async (c) => answerCsv(c, "policies", policiesCsv(await listed(c))));

  app.get("/policies/new", customers, (c) => show(c, { policy: newPolicy, isNew: true }));

  app.get("/policies/:policy", customers, async (c) => {
    const name = parseWith(Name, c.req.param("policy"), "policy", "not-found");
    const policy = await serviceOf(c, deps).call("GET", tenantPath(c, `/policies/${name}`), PolicyView);
    return show(c, { policy, isNew: false });
  });

  app.post("/policies", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const { name, terms } = policyOf(form);
    const isNew = form.text("known") === undefined;
    return await attempt(
      async () => {
        const path = tenantPath(c, `/policies/${parseWith(Name, name, texts.policy.fields.name)}`);
        await serviceOf(c, deps).call("PUT", path, PolicyView, terms);
        return c.redirect("/policies", 303);
      },
      (refusal) => show(c, { policy: { name, ...terms }, isNew, refusal: refusal.message }),
    );
  });

  app.post("/policies/preview", customers, formLimit, async (c) => {
    const form = await readForm(c);
    const { name, terms } = policyOf(form);
    const isNew = form.text("known") === undefined;
    const policy = { name, ...terms };
    return await attempt(
      async () => {
        const wanted = { name, ...parseWith(PolicyTerms, terms, "body") };
        const [policies, { groups }] = await Promise.all([listed(c), customerOf(c)]);
        const preview = await previewPolicy(wanted, { customer: tenantOf(c), policies, groups }, deps);
        return show(c, { policy, isNew, preview });
      },
      (refusal) => show(c, { policy, isNew, refusal: refusal.message }),
    );
  });

  app.post("/policies/:policy/remove", customers, formLimit, async (c) => {
    const name = parseWith(Name, c.req.param("policy"), "policy", "not-found");
    await serviceOf(c, deps).call("DELETE", tenantPath(c, `/policies/${name}`), PolicyView);
    return c.redirect("/policies", 303);
  });

  async function show(c: Context, shown: Shown): Promise<Response> {
    const groups = Object.keys((await customerOf(c)).groups);
    const page = <PolicyPage {...shown} groups={groups} mayChange={mayChange(c)} />;
    const title = shown.isNew ? texts.policy.newTitle : shown.policy.name;
    return answerPage(c, { title, page });
  }

  async function listed(c: Context): Promise<PolicyView[]> {
    const policies = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", tenantPath(c, `/policies${query}`), PolicyList);
      return { items: answer.policies, cursor: answer.cursor };
    });
    return inOrder(policies);
  }

  function customerOf(c: Context): Promise<CustomerView> {
    return serviceOf(c, deps).call("GET", tenantPath(c, ""), CustomerView);
  }
}

const mayChange = (c: Context) => may(c, "PUT", "/v1/customers/:customer/policies/:policy");
