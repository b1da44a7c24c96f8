import type { FC } from "hono/jsx";
import type { z } from "zod";
import type { ApiTokenView } from "../../../protocol/wire/account.ts";
import type { EnrolmentTokenList } from "../../../protocol/wire/customer.ts";
import type { Tone } from "../../domain/status.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Careful } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

const { tokens: words } = texts;

export type EnrolmentToken = z.infer<typeof EnrolmentTokenList>["tokens"][number];
type State = keyof typeof words.states;
type Props = {
  /** undefined for a vendor, who has no machines */
  enrolment: { tokens: readonly EnrolmentToken[]; next?: string | undefined } | undefined;
  mayEnrol: boolean;
  /** undefined where whoever looks may not know of them */
  api: { tokens: readonly ApiTokenView[]; next?: string | undefined } | undefined;
  now: number;
};

const tones: Record<State, Tone> = { open: "good", used: "quiet", expired: "quiet", revoked: "quiet" };

/** The tokens that let hosts in, and those that programs sign in with. */
export const TokensPage: FC<Props> = ({ enrolment, mayEnrol, api, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {enrolment && (
      <>
        {mayEnrol && (
          <p>
            <a href="/tokens/new" class="button">
              {words.install}
            </a>
          </p>
        )}
        <h2>{words.enrolment}</h2>
        {enrolment.tokens.length === 0 ? (
          <p class="empty">{words.noEnrolment}</p>
        ) : (
          <EnrolmentTokens tokens={enrolment.tokens} now={now} />
        )}
        <ListFoot
          of={words.enrolment}
          csv="/tokens.csv"
          {...(enrolment.next !== undefined && { next: enrolment.next })}
        />
      </>
    )}
    {api && (
      <>
        <h2>{words.api}</h2>
        <p class="advice">{words.apiLead}</p>
        <p>
          <a href="/tokens/api/new" class="button">
            {words.newApi}
          </a>
        </p>
        {api.tokens.length === 0 ? <p class="empty">{words.noApi}</p> : <ApiTokens tokens={api.tokens} now={now} />}
        <ListFoot of={words.api} csv="/tokens/api.csv" {...(api.next !== undefined && { next: api.next })} />
      </>
    )}
  </>
);

const EnrolmentTokens: FC<{ tokens: readonly EnrolmentToken[]; now: number }> = ({ tokens, now }) => (
  <DataTable
    label={words.enrolment}
    rows={tokens}
    columns={[
      { head: words.id, cell: ({ id }) => <code>{id.slice(0, 12)}</code> },
      { head: words.group, cell: ({ group }) => <a href={hrefWith("/machines", { q: group })}>{group}</a> },
      { head: words.tags, cell: ({ tags }) => tags.join(", ") || "–" },
      { head: words.state, cell: (token) => <StateMark state={enrolmentState(token, now)} /> },
      { head: words.usesLeft, numeric: true, cell: ({ usesLeft }) => texts.number(usesLeft) },
      { head: words.expires, cell: ({ expiresAt }) => <Moment at={Date.parse(expiresAt)} now={now} /> },
      { head: words.created, cell: ({ createdAt }) => <Moment at={Date.parse(createdAt)} now={now} /> },
    ]}
  />
);

const ApiTokens: FC<{ tokens: readonly ApiTokenView[]; now: number }> = ({ tokens, now }) => (
  <DataTable
    label={words.api}
    rows={tokens}
    columns={[
      {
        head: words.label,
        cell: ({ label, user }) => (
          <>
            {label}
            {user !== undefined && <small class="advice">{words.person}</small>}
          </>
        ),
      },
      { head: words.role, cell: ({ role }) => texts.roles[role as keyof typeof texts.roles] },
      { head: words.scopes, cell: ({ scopes }) => scopes?.join(", ") ?? words.allScopes },
      { head: words.state, cell: (token) => <StateMark state={apiState(token, now)} /> },
      { head: words.expires, cell: ({ expiresAt }) => <Moment at={Date.parse(expiresAt)} now={now} /> },
      { head: words.created, cell: ({ createdAt }) => <Moment at={Date.parse(createdAt)} now={now} /> },
      {
        head: texts.list.actions,
        cell: (token) =>
          apiState(token, now) === "open" && (
            <Careful action={`/tokens/api/${token.id}/revoke`} word={words.revoke} what={words.revokes} />
          ),
      },
    ]}
  />
);

const StateMark: FC<{ state: State }> = ({ state }) => <Mark tone={tones[state]} {...words.states[state]} />;

function enrolmentState({ usesLeft, expiresAt }: EnrolmentToken, now: number): State {
  if (Date.parse(expiresAt) <= now) return "expired";
  return usesLeft > 0 ? "open" : "used";
}

function apiState({ revokedAt, expiresAt }: ApiTokenView, now: number): State {
  if (revokedAt !== undefined) return "revoked";
  return Date.parse(expiresAt) <= now ? "expired" : "open";
}

/** The enrolment tokens as rows of a file. */
export function enrolmentCsv(tokens: readonly EnrolmentToken[], now: number): (string | number)[][] {
  return [
    ["token", "group", "tags", "state", "uses left", "expires", "made"],
    ...tokens.map((token) => [
      token.id,
      token.group,
      token.tags.join(" "),
      enrolmentState(token, now),
      token.usesLeft,
      token.expiresAt,
      token.createdAt,
    ]),
  ];
}

/** The API tokens as rows of a file. */
export function apiCsv(tokens: readonly ApiTokenView[], now: number): (string | number)[][] {
  return [
    ["token", "name", "role", "scopes", "state", "expires", "made"],
    ...tokens.map((token) => [
      token.id,
      token.label,
      token.role,
      token.scopes?.join(" ") ?? "",
      apiState(token, now),
      token.expiresAt,
      token.createdAt,
    ]),
  ];
}
