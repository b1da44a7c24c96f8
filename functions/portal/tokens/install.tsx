import type { FC } from "hono/jsx";
import type { EnrolmentTokenCreated } from "../../../protocol/wire/customer.ts";
import { Copy } from "../parts/copy.tsx";
import { hrefWith } from "../parts/data-table.tsx";
import { Input, Refusal } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { newToken: words } = texts;
const { fields } = words;

type Draft = { group?: string; tags?: string; uses?: string; hours?: string };
type Props = { draft: Draft; groups: readonly string[]; origin: string; refusal?: string | undefined };

/** Asks where machines belong that are to be let in. */
export const InstallPage: FC<Props> = ({ draft, groups, origin, refusal }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{texts.tokens.installLead}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <form method="post" action="/tokens/new">
      <div class="grid">
        <Input label={fields.group} name="group" value={draft.group} hint={fields.groupHint} known={groups} />
        <Input label={fields.tags} name="tags" value={draft.tags} hint={fields.tagsHint} />
        <Input label={fields.uses} name="uses" type="number" min={1} max={100_000} value={draft.uses ?? 1} required />
        <Input label={fields.hours} name="hours" type="number" min={1} value={draft.hours ?? 24} required />
      </div>
      <p class="buttons">
        <button type="submit">{words.make}</button>
      </p>
    </form>
    <p class="advice">{words.needsAgent}</p>
    <Copy text={words.preflight(origin)} />
  </>
);

/** The command, this once. */
export const InstallCommandPage: FC<{ created: EnrolmentTokenCreated; origin: string }> = ({ created, origin }) => (
  <>
    <h1>{words.title}</h1>
    <p>{words.made(created.group, created.uses)}</p>
    <Copy text={words.command(origin, created.token)} />
    <p class="advice">
      {words.once} {words.expires(texts.exact(Date.parse(created.expiresAt)))}
    </p>
    <p>
      {words.appears} <a href={hrefWith("/machines", { q: created.group })}>{words.machines}</a>
    </p>
    <p>
      <a href={hrefWith("/tokens/new", { group: created.group })}>{words.another}</a>
    </p>
  </>
);
