import type { FC } from "hono/jsx";
import type { z } from "zod";
import type { CustomerView } from "../../../protocol/wire/customer.ts";
import type { VendorList } from "../../../protocol/wire/vendor.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Input, Refusal } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

const { tenants: words } = texts;

export type ListedVendor = z.infer<typeof VendorList>["vendors"][number];
type Next = { customers: string | undefined; vendors: string | undefined };
type Props = {
  customers: readonly CustomerView[];
  /** how many machines of each customer refuse what they are sent; those without any are left out */
  refusing: ReadonlyMap<string, number>;
  vendors: readonly ListedVendor[];
  next: Next;
  refusal?: string | undefined;
  now: number;
};

/** Who is let in, and how more are. */
export const TenantsPage: FC<Props> = ({ customers, refusing, vendors, next, refusal, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <h2>{words.customers}</h2>
    {customers.length === 0 ? (
      <p class="empty">{words.noCustomers}</p>
    ) : (
      <DataTable
        label={words.customers}
        rows={customers}
        columns={[
          { head: words.name, cell: ({ customer }) => <a href={`/tenants/customers/${customer}`}>{customer}</a> },
          { head: words.titleField, cell: ({ title }) => title },
          { head: words.groups, numeric: true, cell: ({ groups }) => texts.number(Object.keys(groups).length) },
          { head: words.refusing, numeric: true, cell: ({ customer }) => <Refusing count={refusing.get(customer)} /> },
          { head: words.since, cell: ({ createdAt }) => <Moment at={Date.parse(createdAt)} now={now} /> },
        ]}
      />
    )}
    <ListFoot
      of={words.customers}
      csv="/customers.csv"
      {...(next.customers && { next: hrefWith("/tenants", { customers: next.customers }) })}
    />
    <NewTenant kind="customers" title={words.newCustomer} />
    <h2>{words.vendors}</h2>
    {vendors.length === 0 ? (
      <p class="empty">{words.noVendors}</p>
    ) : (
      <DataTable
        label={words.vendors}
        rows={vendors}
        columns={[
          { head: words.name, cell: ({ vendor }) => <a href={`/tenants/vendors/${vendor}`}>{vendor}</a> },
          { head: words.titleField, cell: ({ title }) => title },
          { head: words.since, cell: ({ createdAt }) => <Moment at={Date.parse(createdAt)} now={now} /> },
        ]}
      />
    )}
    <ListFoot
      of={words.vendors}
      csv="/vendors.csv"
      {...(next.vendors && { next: hrefWith("/tenants", { vendors: next.vendors }) })}
    />
    <NewTenant kind="vendors" title={words.newVendor} />
  </>
);

const Refusing: FC<{ count: number | undefined }> = ({ count }) =>
  count === undefined ? (
    <span class="advice">–</span>
  ) : (
    <Mark tone="failing" word={texts.number(count)} advice={words.refusingAdvice} />
  );

const NewTenant: FC<{ kind: "customers" | "vendors"; title: string }> = ({ kind, title }) => (
  <details>
    <summary>{title}</summary>
    <form method="post" action={`/tenants/${kind}`} class="inline">
      <Input label={words.name} name="name" id={`${kind}-name`} hint={words.nameHint} required />
      <Input label={words.titleField} name="title" id={`${kind}-title`} required />
      <button type="submit">{words.create}</button>
    </form>
  </details>
);

/** The customers as rows of a file. */
export function customersCsv(customers: readonly CustomerView[]): (string | number)[][] {
  return [
    ["customer", "title", "groups", "since"],
    ...customers.map(({ customer, title, groups, createdAt }) => [
      customer,
      title,
      Object.keys(groups).join(" "),
      createdAt,
    ]),
  ];
}

/** The vendors as rows of a file. */
export function vendorsCsv(vendors: readonly ListedVendor[]): (string | number)[][] {
  return [["vendor", "title", "since"], ...vendors.map(({ vendor, title, createdAt }) => [vendor, title, createdAt])];
}
