import type { FC } from "hono/jsx";
import type { SubscriptionView, UsageView } from "../../../protocol/wire/subscriptions.ts";
import type { Tone } from "../../domain/status.ts";
import type { TenantKind } from "../../vendor-api/tenants.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import { UsageChart } from "./chart.tsx";

const { usage: words } = texts;

type Props = {
  kind: TenantKind;
  tenant: string;
  usage: readonly UsageView[];
  subscriptions: readonly SubscriptionView[];
  next: string | undefined;
  now: number;
};

const tones: Record<SubscriptionView["standing"], Tone> = {
  active: "good",
  grace: "attention",
  ended: "failing",
  revoked: "quiet",
};

/** What is paid for: subscriptions with their seats, and how many were held in each month. */
export const UsagePage: FC<Props> = ({ kind, tenant, usage, subscriptions, next, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {usage.length === 0 ? (
      <p class="empty">{words.noUsage}</p>
    ) : (
      <>
        <UsageChart usage={usage} />
        <Months kind={kind} usage={usage} now={now} />
      </>
    )}
    <ListFoot of={words.title} csv="/usage.csv" />
    <h2 id="subscriptions">{words.subscriptions}</h2>
    {subscriptions.length === 0 ? (
      <div class="empty">
        <p>{kind === "vendor" ? words.nobodySubscribed : words.noSubscriptions}</p>
        <pre>
          <code>{kind === "vendor" ? words.vendorCommand(tenant) : words.command(tenant)}</code>
        </pre>
      </div>
    ) : (
      <Subscriptions kind={kind} subscriptions={subscriptions} now={now} />
    )}
    <ListFoot
      of={words.subscriptions}
      csv="/subscriptions.csv"
      {...(next !== undefined && { next: hrefWith("/usage", { cursor: next }) })}
    />
  </>
);

const Months: FC<Pick<Props, "kind" | "usage" | "now">> = ({ kind, usage, now }) => (
  <DataTable
    label={words.title}
    rows={usage.toReversed()}
    columns={[
      { head: words.month, cell: ({ month }) => <time datetime={month}>{month}</time> },
      { head: words.stream, cell: ({ stream }) => stream },
      ...(kind === "vendor" ? [{ head: words.customer, cell: ({ customer }: UsageView) => customer }] : []),
      {
        head: words.machines,
        numeric: true,
        cell: ({ machines }) =>
          kind === "vendor" ? texts.number(machines) : <a href="/machines">{texts.number(machines)}</a>,
      },
      { head: words.seats, numeric: true, cell: ({ seats }) => texts.number(seats) },
      { head: words.counted, cell: ({ countedAt }) => <Moment at={Date.parse(countedAt)} now={now} /> },
    ]}
  />
);

const Subscriptions: FC<Pick<Props, "kind" | "subscriptions" | "now">> = ({ kind, subscriptions, now }) => (
  <DataTable
    label={words.subscriptions}
    rows={subscriptions}
    columns={[
      { head: words.stream, cell: ({ vendor, product, channel }) => `${vendor}/${product}/${channel}` },
      ...(kind === "vendor" ? [{ head: words.customer, cell: ({ customer }: SubscriptionView) => customer }] : []),
      { head: words.plan, cell: ({ plan }) => plan },
      { head: words.standing, cell: ({ standing }) => <Mark tone={tones[standing]} {...words.standings[standing]} /> },
      {
        head: words.taken,
        numeric: true,
        cell: ({ seatsTaken, seats }) => words.takenOf(texts.number(seatsTaken), texts.number(seats)),
      },
      {
        head: words.ends,
        cell: ({ endsAt }) => (endsAt === null ? words.noEnd : <Moment at={Date.parse(endsAt)} now={now} />),
      },
    ]}
  />
);

/** Usage as rows of a file. */
export function usageCsv(usage: readonly UsageView[]): (string | number)[][] {
  return [
    ["month", "customer", "channel", "machines", "seats", "counted"],
    ...usage.map(({ month, customer, stream, machines, seats, countedAt }) => [
      month,
      customer,
      stream,
      machines,
      seats,
      countedAt,
    ]),
  ];
}

/** Subscriptions as rows of a file. */
export function subscriptionsCsv(subscriptions: readonly SubscriptionView[]): (string | number)[][] {
  return [
    ["customer", "channel", "plan", "standing", "seats taken", "seats", "ends"],
    ...subscriptions.map(({ customer, vendor, product, channel, plan, standing, seatsTaken, seats, endsAt }) => [
      customer,
      `${vendor}/${product}/${channel}`,
      plan,
      standing,
      seatsTaken,
      seats,
      endsAt ?? "",
    ]),
  ];
}
