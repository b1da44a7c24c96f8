import type { FC } from "hono/jsx";
import type { CustomerView } from "../../../protocol/wire/customer.ts";
import type { InvitationCreated, MemberView } from "../../../protocol/wire/members.ts";
import type { SubscriptionView } from "../../../protocol/wire/subscriptions.ts";
import { Copy } from "../parts/copy.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Careful, Input, Refusal } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";

const { tenants: words, usage } = texts;

type Props = {
  customer: CustomerView;
  subscriptions: readonly SubscriptionView[];
  members: readonly MemberView[];
  invited?: InvitationCreated | undefined;
  origin: string;
  refusal?: string | undefined;
  now: number;
};

/** One customer, as the operator looks after it: its channels and its people. How its machines are patched is its own. */
export const CustomerPage: FC<Props> = ({ customer, subscriptions, members, invited, origin, refusal, now }) => {
  const path = `/tenants/customers/${customer.customer}`;
  return (
    <>
      <header class="title">
        <h1>{customer.title}</h1>
        <p class="advice">
          {customer.customer} · <Moment at={Date.parse(customer.createdAt)} now={now} />
        </p>
      </header>
      {refusal !== undefined && <Refusal text={refusal} />}
      <h2>{words.subscriptions}</h2>
      {subscriptions.length === 0 ? (
        <p class="empty">{words.none}</p>
      ) : (
        <DataTable
          label={words.subscriptions}
          rows={subscriptions}
          columns={[
            { head: words.stream, cell: (each) => streamOf(each) },
            { head: words.plan, cell: ({ plan }) => plan },
            { head: usage.standing, cell: ({ standing }) => usage.standings[standing].word },
            {
              head: usage.taken,
              numeric: true,
              cell: ({ seatsTaken, seats }) => usage.takenOf(texts.number(seatsTaken), texts.number(seats)),
            },
            {
              head: usage.ends,
              cell: ({ endsAt }) => (endsAt === null ? usage.noEnd : <Moment at={Date.parse(endsAt)} now={now} />),
            },
            {
              head: texts.list.actions,
              cell: (each) =>
                each.standing !== "revoked" && (
                  <Careful
                    action={`${path}/revoke`}
                    fields={{ stream: streamOf(each) }}
                    word={words.revoke}
                    what={words.revokes}
                  />
                ),
            },
          ]}
        />
      )}
      <details>
        <summary>{words.grant}</summary>
        <form method="post" action={`${path}/grant`} class="inline">
          <Input label={words.stream} name="stream" hint={words.streamHint} required />
          <Input label={words.seats} name="seats" type="number" min={1} value={100} required />
          <Input label={words.plan} name="plan" value="standard" />
          <Input label={words.ends} name="ends" type="date" hint={words.endsHint} />
          <button type="submit">{words.grantIt}</button>
        </form>
      </details>
      <h2>{words.people}</h2>
      {members.length === 0 ? (
        <p class="empty">{words.nobody}</p>
      ) : (
        <DataTable
          label={words.people}
          rows={members}
          columns={[
            { head: texts.people.user, cell: ({ user }) => <bdi>{user}</bdi> },
            { head: texts.people.role, cell: ({ role }) => texts.roles[role] },
            { head: texts.people.joined, cell: ({ joinedAt }) => <Moment at={Date.parse(joinedAt)} now={now} /> },
          ]}
        />
      )}
      {invited ? (
        <section>
          <p>{words.invited(invited.user)}</p>
          <Copy text={`${origin}/join`} />
          <Copy text={invited.invitation} />
          <p class="advice">{texts.people.onceShown}</p>
        </section>
      ) : (
        <form method="post" action={`${path}/invite`} class="inline" aria-label={words.invite}>
          <Input label={words.inviteField} name="user" type="email" required />
          <button type="submit" class="quiet-button">
            {words.inviteIt}
          </button>
        </form>
      )}
    </>
  );
};

function streamOf({ vendor, product, channel }: SubscriptionView): string {
  return `${vendor}/${product}/${channel}`;
}
