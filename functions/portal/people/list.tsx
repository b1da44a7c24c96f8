import type { FC } from "hono/jsx";
import type { IdentityProviderView, MemberView } from "../../../protocol/wire/members.ts";
import { DataTable, ListFoot } from "../parts/data-table.tsx";
import { Facts } from "../parts/facts.tsx";
import { Careful, Input, Select } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";

const { people: words } = texts;

type Role = keyof typeof words.may;
type Props = {
  members: readonly MemberView[];
  next?: string | undefined;
  roles: readonly Role[];
  /** who looks, where it is a person */
  user: string | undefined;
  mayChange: boolean;
  /** undefined where there is none, or whoever looks may not know of it */
  provider: IdentityProviderView | undefined;
  now: number;
};

/** The people of a tenant, what their roles may, and how more come in. */
export const PeoplePage: FC<Props> = ({ members, next, roles, user, mayChange, provider, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {members.length === 0 ? (
      <p class="empty">{words.empty}</p>
    ) : (
      <DataTable
        label={words.title}
        rows={members}
        columns={[
          {
            head: words.user,
            cell: (member) => (
              <>
                <bdi>{member.user}</bdi> {member.user === user && <span class="advice">({words.you})</span>}
              </>
            ),
          },
          { head: words.role, cell: ({ role }) => texts.roles[role] },
          { head: words.joined, cell: ({ joinedAt }) => <Moment at={Date.parse(joinedAt)} now={now} /> },
          ...(mayChange
            ? [
                {
                  head: texts.list.actions,
                  cell: (member: MemberView) => (
                    <Careful
                      action="/people/remove"
                      fields={{ user: member.user }}
                      word={words.remove}
                      what={words.removes}
                    />
                  ),
                },
              ]
            : []),
        ]}
      />
    )}
    <ListFoot csv="/people.csv" {...(next !== undefined && { next })} />
    {mayChange ? <Invite roles={roles} /> : <p class="advice">{words.onlyOwners}</p>}
    <h2>{words.roles}</h2>
    <Facts facts={roles.map((role) => [texts.roles[role], words.may[role]] as const)} />
    {mayChange && <Provider provider={provider} />}
  </>
);

const Invite: FC<{ roles: readonly Role[] }> = ({ roles }) => (
  <section>
    <h2>{words.invite}</h2>
    <form method="post" action="/people/invite" class="inline">
      <Input label={words.fields.user} name="user" type="email" required />
      <Select
        label={words.fields.role}
        name="role"
        value={roles.at(-1)}
        options={roles.map((role) => [role, texts.roles[role]] as const)}
      />
      <Input label={words.fields.days} name="days" type="number" min={1} value={7} required />
      <button type="submit">{words.makeInvitation}</button>
    </form>
  </section>
);

const Provider: FC<{ provider: IdentityProviderView | undefined }> = ({ provider }) => (
  <section>
    <h2>{words.provider}</h2>
    <p class="advice">{words.providerLead}</p>
    {provider === undefined ? (
      <p class="empty">{words.noProvider}</p>
    ) : (
      <Facts
        facts={[
          [texts.provider.fields.issuer, provider.issuer],
          [texts.provider.fields.audience, provider.audience],
          ...Object.entries(provider.roles).map(
            ([group, role]) => [`${texts.provider.fields.group} ${group}`, texts.roles[role]] as const,
          ),
        ]}
      />
    )}
    <p>
      <a href="/people/provider">{provider === undefined ? words.addProvider : words.setProvider}</a>
    </p>
  </section>
);

/** The list as rows of a file. */
export function peopleCsv(members: readonly MemberView[]): (string | number)[][] {
  return [["person", "role", "since"], ...members.map(({ user, role, joinedAt }) => [user, role, joinedAt])];
}
