import type { Context, Hono } from "hono";
import { SutureError } from "../../../protocol/errors.ts";
import { CustomerList, CustomerView } from "../../../protocol/wire/customer.ts";
import { InvitationCreated, MemberList } from "../../../protocol/wire/members.ts";
import { Name } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { VendorStopView } from "../../../protocol/wire/recalls.ts";
import { SubscriptionList, SubscriptionView } from "../../../protocol/wire/subscriptions.ts";
import { VendorCreated, VendorList, VendorView } from "../../../protocol/wire/vendor.ts";
import type { FleetStore } from "../../stores/fleet.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, formLimit, given, readForm } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, type ServiceDeps, serviceOf } from "../service.ts";
import { only } from "../session.ts";
import { texts } from "../texts.ts";
import { CustomerPage } from "./customer.tsx";
import { customersCsv, TenantsPage, vendorsCsv } from "./list.tsx";
import { VendorMadePage, VendorPage } from "./vendor.tsx";

/** The operator's pages of customers and vendors. */
export function tenantRoutes(app: Hono, deps: ServiceDeps & { fleet: Pick<FleetStore, "inCondition"> }): void {
  const operators = only(["operator"], deps);
  const now = () => deps.now().getTime();

  app.get("/tenants", operators, (c) => list(c));

  app.get("/customers.csv", operators, async (c) => {
    const customers = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", `/v1/customers${query}`, CustomerList);
      return { items: answer.customers, cursor: answer.cursor };
    });
    return answerCsv(c, "customers", customersCsv(customers));
  });

  app.get("/vendors.csv", operators, async (c) => {
    const vendors = await everyPage(async (query) => {
      const answer = await serviceOf(c, deps).call("GET", `/v1/vendors${query}`, VendorList);
      return { items: answer.vendors, cursor: answer.cursor };
    });
    return answerCsv(c, "vendors", vendorsCsv(vendors));
  });

  app.post("/tenants/customers", operators, formLimit, async (c) => {
    const { text } = await readForm(c);
    const body = { customer: text("name") ?? "", title: text("title") ?? "" };
    return await attempt(
      async () => {
        const { customer } = await serviceOf(c, deps).call("POST", "/v1/customers", CustomerView, body);
        return c.redirect(`/tenants/customers/${customer}`, 303);
      },
      (refusal) => list(c, refusal.message),
    );
  });

  app.post("/tenants/vendors", operators, formLimit, async (c) => {
    const { text } = await readForm(c);
    const body = { vendor: text("name") ?? "", title: text("title") ?? "" };
    return await attempt(
      async () => {
        const made = await serviceOf(c, deps).call("POST", "/v1/vendors", VendorCreated, body);
        return answerPage(c, { title: made.vendor, page: <VendorMadePage made={made} /> });
      },
      (refusal) => list(c, refusal.message),
    );
  });

  app.get("/tenants/customers/:name", operators, (c) => showCustomer(c));

  app.post("/tenants/customers/:name/grant", operators, formLimit, async (c) => {
    const { text, number } = await readForm(c);
    const ends = text("ends");
    const body = given({
      plan: text("plan"),
      seats: number("seats"),
      endsAt: ends === undefined ? null : `${ends}T00:00:00Z`,
    });
    return await attempt(
      async () => {
        await serviceOf(c, deps).call("PUT", subscriptionPath(c, text("stream")), SubscriptionView, body);
        return c.redirect(customerHref(c), 303);
      },
      (refusal) => showCustomer(c, { refusal: refusal.message }),
    );
  });

  app.post("/tenants/customers/:name/revoke", operators, formLimit, async (c) => {
    const { text } = await readForm(c);
    await serviceOf(c, deps).call("DELETE", subscriptionPath(c, text("stream")), SubscriptionView);
    return c.redirect(customerHref(c), 303);
  });

  app.post("/tenants/customers/:name/invite", operators, formLimit, async (c) => {
    const body = { user: (await readForm(c)).text("user") ?? "", role: "owner" };
    return await attempt(
      async () => {
        const path = `/v1/customers/${nameIn(c)}/invitations`;
        return await showCustomer(c, { invited: await serviceOf(c, deps).call("POST", path, InvitationCreated, body) });
      },
      (refusal) => showCustomer(c, { refusal: refusal.message }),
    );
  });

  app.get("/tenants/vendors/:name", operators, (c) => showVendor(c));

  app.post("/tenants/vendors/:name/stop", operators, formLimit, async (c) => {
    const { text } = await readForm(c);
    const body = { stopped: text("stopped") === "yes", reason: text("reason") ?? "" };
    return await attempt(
      async () => {
        await serviceOf(c, deps).call("PUT", `/v1/vendors/${nameIn(c)}/stop`, VendorStopView, body);
        return c.redirect(`/tenants/vendors/${nameIn(c)}`, 303);
      },
      (refusal) => showVendor(c, refusal.message),
    );
  });

  async function list(c: Context, refusal?: string): Promise<Response> {
    const service = serviceOf(c, deps);
    const { customers: fromCustomers, vendors: fromVendors } = c.req.query();
    const [{ customers, cursor: customersNext }, { vendors, cursor: vendorsNext }] = await Promise.all([
      service.call("GET", hrefWith("/v1/customers", { cursor: fromCustomers }), CustomerList),
      service.call("GET", hrefWith("/v1/vendors", { cursor: fromVendors }), VendorList),
    ]);
    const next = { customers: customersNext, vendors: vendorsNext };
    const names = customers.map(({ customer }) => customer);
    const refusing = await deps.fleet.inCondition("refusing", names);
    const page = <TenantsPage {...{ customers, refusing, vendors, next, refusal, now: now() }} />;
    return answerPage(c, { title: texts.tenants.title, page });
  }

  async function showCustomer(
    c: Context,
    { invited, refusal }: { invited?: InvitationCreated; refusal?: string } = {},
  ): Promise<Response> {
    const service = serviceOf(c, deps);
    const path = `/v1/customers/${nameIn(c)}`;
    const [customer, { subscriptions }, { members }] = await Promise.all([
      service.call("GET", path, CustomerView),
      service.call("GET", `${path}/subscriptions?limit=100`, SubscriptionList),
      service.call("GET", `${path}/members?limit=100`, MemberList),
    ]);
    const shown = { customer, subscriptions, members, invited, origin: new URL(c.req.url).origin, refusal, now: now() };
    return answerPage(c, { title: customer.title, page: <CustomerPage {...shown} /> });
  }

  async function showVendor(c: Context, refusal?: string): Promise<Response> {
    const service = serviceOf(c, deps);
    const path = `/v1/vendors/${nameIn(c)}`;
    const [vendor, stop] = await Promise.all([
      service.call("GET", path, VendorView),
      service.call("GET", `${path}/stop`, VendorStopView),
    ]);
    return answerPage(c, { title: vendor.title, page: <VendorPage {...{ vendor, stop, refusal, now: now() }} /> });
  }
}

function nameIn(c: Context): string {
  return parseWith(Name, c.req.param("name"), "name", "not-found");
}

function customerHref(c: Context): string {
  return `/tenants/customers/${nameIn(c)}`;
}

function subscriptionPath(c: Context, stream = ""): string {
  const parts = stream.split("/").map(encodeURIComponent);
  if (parts.length !== 3) throw new SutureError("invalid-request", `${stream}: ${texts.tenants.streamHint}`);
  return `/v1/customers/${nameIn(c)}/subscriptions/${parts.join("/")}`;
}
