import type { FC } from "hono/jsx";
import { Input, Refusal, TextArea } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { provider: words } = texts;
const { fields } = words;

/** What a form holds: `jwks` as text, roles by group. */
export type DraftProvider = {
  issuer?: string;
  audience?: string;
  jwks?: string;
  groupsClaim?: string;
  roles: readonly (readonly [group: string, role: string])[];
};
type Props = { draft: DraftProvider; roles: readonly (keyof typeof texts.roles)[]; refusal?: string | undefined };

/** Where a tenant's people sign in, and which role each group gives. */
export const ProviderPage: FC<Props> = ({ draft, roles, refusal }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{texts.people.providerLead}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <form method="post" action="/people/provider">
      <div class="grid">
        <Input label={fields.issuer} name="issuer" type="url" value={draft.issuer} hint={fields.issuerHint} required />
        <Input label={fields.audience} name="audience" value={draft.audience} hint={fields.audienceHint} required />
        <Input label={fields.groupsClaim} name="groupsClaim" value={draft.groupsClaim ?? "groups"} required />
      </div>
      <TextArea label={fields.jwks} name="jwks" value={draft.jwks} hint={fields.jwksHint} rows={8} required />
      <fieldset>
        <legend>{words.groups}</legend>
        <p class="advice">{words.groupsHint}</p>
        {[...draft.roles, ["", ""] as const, ["", ""] as const].map(([group, role]) => (
          <div class="row">
            <label>
              {fields.group} <input name="group" value={group} />
            </label>
            <label>
              {fields.role}{" "}
              <select name="role">
                <option value="">{words.noRole}</option>
                {roles.map((each) => (
                  <option value={each} selected={each === role}>
                    {texts.roles[each]}
                  </option>
                ))}
              </select>
            </label>
          </div>
        ))}
      </fieldset>
      <p class="buttons">
        <button type="submit">{words.save}</button>
      </p>
    </form>
  </>
);
