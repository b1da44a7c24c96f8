import type { FC } from "hono/jsx";
import type { PatchHoldView } from "../../../protocol/wire/rollout.ts";
import type { PatchView } from "../../../protocol/wire/vendor.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { SeverityBadge } from "../parts/patch-label.tsx";
import { Mark, PatchStateMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

const { published: words } = texts;

export type Published = { patch: PatchView; hold: PatchHoldView };
export type HoldState = keyof typeof words.holds;
type Props = {
  patches: readonly Published[];
  only: HoldState | undefined;
  mayPublish: boolean;
  next: string | undefined;
  now: number;
};

/** What a vendor published, and what stops it. */
export const PublishedPage: FC<Props> = ({ patches, only, mayPublish, next, now }) => {
  if (patches.length === 0 && next === undefined) return <FirstPatch />;
  const shown = patches.filter(({ hold }) => only === undefined || holdStateOf(hold) === only);
  return (
    <>
      <header class="title">
        <h1>{words.title}</h1>
        <p class="advice">{words.lead}</p>
      </header>
      {mayPublish && (
        <p>
          <a href="/publish" class="button">
            {words.publish}
          </a>
        </p>
      )}
      <Counts patches={patches} only={only} />
      {shown.length === 0 ? (
        <p class="empty">
          {words.none} <a href="/published">{words.filters.all}</a>
        </p>
      ) : (
        <DataTable
          label={words.title}
          rows={shown}
          idOf={({ patch }) => patch.id}
          columns={[
            {
              head: words.patch,
              cell: ({ patch }) => (
                <>
                  <a href={publishedHref(patch.id)}>{patch.title}</a>
                  <small class="id">{patch.id}</small>
                </>
              ),
            },
            { head: words.severity, cell: ({ patch }) => <SeverityBadge severity={patch.severity} /> },
            { head: words.state, cell: ({ patch }) => <PatchStateMark state={patch.state} /> },
            { head: words.hold, cell: ({ hold }) => <HoldMark hold={hold} /> },
            { head: words.live, cell: ({ patch }) => <Moment at={Date.parse(patch.liveAt)} now={now} /> },
          ]}
        />
      )}
      <ListFoot csv="/published.csv" {...(next !== undefined && { next: hrefWith("/published", { cursor: next }) })} />
    </>
  );
};

const Counts: FC<Pick<Props, "patches" | "only">> = ({ patches, only }) => (
  <ul class="counts" aria-label={words.counts}>
    <li>
      <a href="/published" aria-current={only === undefined ? "true" : undefined}>
        <strong>{texts.number(patches.length)}</strong>
        <span>{words.filters.all}</span>
      </a>
    </li>
    {(["held", "halted"] as const).map((state) => {
      const count = patches.filter(({ hold }) => holdStateOf(hold) === state).length;
      return (
        <li>
          <a
            href={hrefWith("/published", { hold: state })}
            aria-current={only === state ? "true" : undefined}
            class={count === 0 ? "zero" : undefined}
          >
            <strong>{texts.number(count)}</strong>
            <span>{words.filters[state]}</span>
          </a>
        </li>
      );
    })}
  </ul>
);

/** Whether customers or the vendor stopped a patch. */
export const HoldMark: FC<{ hold: PatchHoldView }> = ({ hold }) => {
  const state = holdStateOf(hold);
  if (state === undefined) return <span class="advice">{words.notHeld}</span>;
  return (
    <>
      <Mark tone={state === "held" ? "failing" : "attention"} {...words.holds[state]} />
      {hold.halts > 0 && <small class="advice">{words.halts(hold.halts)}</small>}
    </>
  );
};

const FirstPatch: FC = () => (
  <section class="first-steps">
    <h1>{words.empty.title}</h1>
    <p>{words.empty.first}</p>
    <pre>
      <code>{words.empty.command}</code>
    </pre>
    <p>{words.empty.more}</p>
  </section>
);

export function holdStateOf({ held, halts }: PatchHoldView): HoldState | undefined {
  if (held) return "held";
  return halts > 0 ? "halted" : undefined;
}

/** A published patch's page for its vendor. */
export function publishedHref(id: string): string {
  return `/published/${id.split("/").slice(1).map(encodeURIComponent).join("/")}`;
}

/** The list as rows of a file. */
export function publishedCsv(patches: readonly Published[]): (string | number)[][] {
  return [
    ["patch", "title", "severity", "cves", "state", "held", "halts", "live", "withdrawn", "reason"],
    ...patches.map(({ patch, hold }) => [
      patch.id,
      patch.title,
      patch.severity,
      patch.cves.join(" "),
      patch.state,
      hold.held ? "yes" : "no",
      hold.halts,
      patch.liveAt,
      patch.withdrawnAt ?? "",
      patch.reason ?? "",
    ]),
  ];
}
