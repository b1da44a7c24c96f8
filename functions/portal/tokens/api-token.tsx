import type { FC } from "hono/jsx";
import { Area, type NewApiToken } from "../../../protocol/wire/account.ts";
import { Copy } from "../parts/copy.tsx";
import { Input, Refusal, Select } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { newApiToken: words } = texts;
const { fields } = words;

export type DraftApiToken = { label?: string; role?: string; days?: string; scopes?: readonly string[] };
type Props = { draft: DraftApiToken; roles: readonly (keyof typeof texts.roles)[]; refusal?: string | undefined };

/** Asks what an API token is for and what it may. */
export const ApiTokenPage: FC<Props> = ({ draft, roles, refusal }) => (
  <>
    <h1>{words.title}</h1>
    {refusal !== undefined && <Refusal text={refusal} />}
    <form method="post" action="/tokens/api/new">
      <div class="grid">
        <Input label={fields.label} name="label" value={draft.label} hint={fields.labelHint} required />
        <Select
          label={fields.role}
          name="role"
          value={draft.role ?? roles.at(-1)}
          options={roles.map((role) => [role, texts.roles[role]] as const)}
        />
        <Input label={fields.hours} name="days" type="number" min={1} value={draft.days ?? 90} required />
      </div>
      <details open={draft.scopes !== undefined}>
        <summary>{fields.scopes}</summary>
        <p class="advice">{fields.scopesHint}</p>
        <div class="scopes">
          {Area.options.flatMap((area) =>
            (["read", "write"] as const).map((access) => (
              <label>
                <input
                  type="checkbox"
                  name="scopes"
                  value={`${area}:${access}`}
                  checked={draft.scopes?.includes(`${area}:${access}`)}
                />
                {words[access](words.areas[area])}
              </label>
            )),
          )}
        </div>
      </details>
      <p class="buttons">
        <button type="submit">{words.make}</button>
      </p>
    </form>
  </>
);

/** The token, this once. */
export const ApiTokenMadePage: FC<{ made: NewApiToken }> = ({ made }) => (
  <>
    <h1>{made.label}</h1>
    <p>{words.made}</p>
    <Copy text={made.token} />
    <p class="advice">
      {words.use} {words.expires(texts.exact(Date.parse(made.expiresAt)))}
    </p>
    <p>
      <a href="/tokens">{texts.tokens.title}</a>
    </p>
  </>
);
