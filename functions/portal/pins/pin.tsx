import type { FC } from "hono/jsx";
import type { PinTerms } from "../../../protocol/wire/policy.ts";
import { Careful, Input, Refusal, TextArea } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { pins: words } = texts;
const { fields } = words;

/** What a form holds: nothing of it need make sense yet. */
export type DraftPin = Partial<PinTerms> & { name: string };
type Props = {
  pin: DraftPin;
  isNew: boolean;
  groups: readonly string[];
  mayChange: boolean;
  refusal?: string | undefined;
};

/** One pin as a form. */
export const PinPage: FC<Props> = ({ pin, isNew, groups, mayChange, refusal }) => (
  <>
    <h1>{isNew ? words.newTitle : pin.name}</h1>
    {refusal !== undefined && <Refusal text={refusal} />}
    {!mayChange && <p class="advice">{words.readOnly}</p>}
    <form method="post" action="/pins">
      <fieldset disabled={!mayChange}>
        {isNew ? (
          <Input label={fields.name} name="name" value={pin.name} hint={fields.nameHint} required />
        ) : (
          <>
            <input type="hidden" name="name" value={pin.name} />
            <input type="hidden" name="known" value="yes" />
          </>
        )}
        <div class="grid">
          <Input label={fields.patch} name="patch" value={pin.patch} hint={fields.patchHint} required />
          <Input
            label={fields.newest}
            name="newest"
            type="number"
            min={1}
            value={pin.newest ?? undefined}
            hint={fields.newestHint}
          />
          <Input label={fields.group} name="group" value={pin.group} hint={fields.whomHint} known={groups} />
          <Input label={fields.machine} name="machine" value={pin.machine} hint={fields.whomHint} />
          <Input
            label={fields.until}
            name="until"
            type="datetime-local"
            value={pin.until?.slice(0, 16)}
            hint={fields.untilHint}
            required
          />
        </div>
        <TextArea label={fields.reason} name="reason" value={pin.reason} rows={2} required />
        {mayChange && (
          <p class="buttons">
            <button type="submit">{words.save}</button>
          </p>
        )}
      </fieldset>
    </form>
    {mayChange && !isNew && <Careful action={`/pins/${pin.name}/end`} word={words.end} what={words.ends} />}
  </>
);
