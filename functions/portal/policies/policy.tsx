import type { FC } from "hono/jsx";
import { type PolicyView, Weekday, type Window } from "../../../protocol/wire/policy.ts";
import { DataTable } from "../parts/data-table.tsx";
import { Careful, Input, Refusal, Select } from "../parts/form.tsx";
import { texts } from "../texts.ts";
import { waveRows, windowRows } from "./form.ts";
import type { Preview } from "./preview.ts";

const { policy: words, policies } = texts;
const { fields } = words;

type Props = {
  policy: PolicyView;
  isNew: boolean;
  groups: readonly string[];
  mayChange: boolean;
  preview?: Preview | undefined;
  refusal?: string | undefined;
};

/** One policy as a form, whom it is for, and on wish who matches before it is saved. */
export const PolicyPage: FC<Props> = ({ policy, isNew, groups, mayChange, preview, refusal }) => (
  <>
    <h1>{isNew ? words.newTitle : policy.name}</h1>
    {refusal !== undefined && <Refusal text={refusal} />}
    {!mayChange && <p class="advice">{words.readOnly}</p>}
    <form method="post" action="/policies">
      {isNew ? (
        <Input label={fields.name} name="name" value={policy.name} hint={fields.nameHint} required />
      ) : (
        <input type="hidden" name="name" value={policy.name} />
      )}
      {!isNew && <input type="hidden" name="known" value="yes" />}
      <fieldset disabled={!mayChange}>
        <legend>{words.whom}</legend>
        <Whom policy={policy} groups={groups} />
      </fieldset>
      <fieldset disabled={!mayChange}>
        <legend>{words.what}</legend>
        <What policy={policy} />
      </fieldset>
      <fieldset disabled={!mayChange}>
        <legend>{words.how}</legend>
        <p class="advice">{words.howHint}</p>
        <How policy={policy} groups={groups} />
      </fieldset>
      {mayChange && (
        <p class="buttons">
          <button type="submit">{words.save}</button>
          <button type="submit" formaction="/policies/preview#matches" class="quiet-button">
            {words.preview}
          </button>
        </p>
      )}
    </form>
    {preview && <Matches preview={preview} />}
    {mayChange && !isNew && (
      <Careful action={`/policies/${policy.name}/remove`} word={words.remove} what={words.removes} />
    )}
  </>
);

const Whom: FC<Pick<Props, "policy" | "groups">> = ({ policy: { group, rule = {}, order }, groups }) => (
  <div class="grid">
    <Input label={fields.group} name="group" value={group} hint={fields.groupHint} known={groups} />
    <Input label={fields.hostname} name="hostname" value={rule.hostname} hint={fields.glob} placeholder="db-*" />
    <Input label={fields.tags} name="tags" value={rule.tags?.join(" ")} hint={fields.tagsHint} />
    <Input label={fields.os} name="os" value={rule.os} hint={fields.glob} />
    <Input label={fields.kernel} name="kernel" value={rule.kernel} hint={fields.glob} />
    <Input label={fields.arch} name="arch" value={rule.arch} hint={fields.glob} />
    <Input label={fields.order} name="order" type="number" min={0} max={1000} value={order} hint={fields.orderHint} />
  </div>
);

const What: FC<Pick<Props, "policy">> = ({ policy: { policy } }) => {
  const { windows } = policy;
  return (
    <>
      <div class="grid">
        <Select label={fields.apply} name="apply" value={policy.apply} options={optionsOf(words.apply)} />
        <Select label={fields.critical} name="critical" value={policy.critical} options={optionsOf(words.critical)} />
        <Select
          label={fields.windows}
          name="when"
          value={windows && (windows.length === 0 ? "any" : "windows")}
          options={optionsOf(words.when)}
        />
      </div>
      {Array.from({ length: windowRows(windows ?? []) }, (_, at) => (
        <WindowRow at={at} window={windows?.[at]} />
      ))}
      <datalist id="zones">
        {Intl.supportedValuesOf("timeZone").map((zone) => (
          <option value={zone} />
        ))}
      </datalist>
    </>
  );
};

const WindowRow: FC<{ at: number; window: Window | undefined }> = ({ at, window }) => (
  <fieldset class="row">
    <legend>{words.window(at + 1)}</legend>
    <span class="days">
      {Weekday.options.map((day) => (
        <label>
          <input type="checkbox" name={`days-${at}`} value={day} checked={window?.days.includes(day)} />
          {policies.days[day]}
        </label>
      ))}
    </span>
    <label>
      {fields.from} <input type="time" name="from" value={window?.from} />
    </label>
    <label>
      {fields.to} <input type="time" name="to" value={window?.to} />
    </label>
    <label>
      {fields.zone} <input name="timeZone" value={window?.timeZone ?? "UTC"} list="zones" />
    </label>
  </fieldset>
);

const How: FC<Pick<Props, "policy" | "groups">> = ({ policy: { policy } }) => {
  const { waves = [], failureLimit } = policy;
  return (
    <>
      {Array.from({ length: waveRows(waves) }, (_, at) => {
        const { share, groups = [], bakeMinutes } = waves[at] ?? {};
        return (
          <fieldset class="row">
            <legend>{words.wave(at + 1)}</legend>
            <label>
              {fields.share}{" "}
              <input
                type="number"
                name="share"
                min="0"
                max="100"
                step="any"
                value={share === undefined ? undefined : String(Math.round(share * 10_000) / 100)}
              />
            </label>
            <label>
              {fields.waveGroups} <input name="waveGroups" value={groups.join(" ")} />
            </label>
            <label>
              {fields.bake} <input type="number" name="bakeMinutes" min="0" value={bakeMinutes?.toString()} />
            </label>
          </fieldset>
        );
      })}
      <div class="grid">
        <Input
          label={fields.failureLimit}
          name="failureLimit"
          value={failureLimit === undefined ? undefined : Math.round(failureLimit * 10_000) / 100}
          hint={fields.failureHint}
        />
        <Select label={fields.onHalt} name="onHalt" value={policy.onHalt} options={optionsOf(words.onHalt)} />
        {/* What the form does not ask stays what it is */}
        {policy.onRecall && <input type="hidden" name="onRecall" value={policy.onRecall} />}
        {policy.agent && <input type="hidden" name="agent" value={policy.agent} />}
      </div>
    </>
  );
};

const Matches: FC<{ preview: Preview }> = ({ preview: { looked, more, fitting, shown } }) => (
  <section id="matches" aria-live="polite">
    <h2>{words.matches}</h2>
    <p>{words.matchesOf(fitting, looked)}</p>
    {more && <p class="advice">{words.more(looked)}</p>}
    {fitting === 0 ? (
      <p class="empty">{words.none}</p>
    ) : (
      <DataTable
        label={words.matches}
        rows={shown}
        columns={[
          {
            head: words.machine,
            cell: ({ id, facts }) => (
              <a href={`/machines/${id}`}>
                <bdi>{facts.hostname || id}</bdi>
              </a>
            ),
          },
          { head: words.machineGroup, cell: ({ group }) => group },
          { head: words.effect, cell: ({ effect }) => policies.summary(effect) },
        ]}
      />
    )}
  </section>
);

function optionsOf(meanings: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return [["", words.unsaid], ...Object.entries(meanings)];
}
