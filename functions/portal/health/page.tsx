import type { FC } from "hono/jsx";
import type { Tone } from "../../domain/status.ts";
import type { Changes } from "../../stores/changes.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import { type Freshness, freshnessOf, type RepositoryHealth } from "./repositories.ts";

const { health: words } = texts;

type Props = {
  waiting: number;
  changes: Changes;
  repositories: readonly RepositoryHealth[];
  next: string | undefined;
  now: number;
};

const tones: Record<Freshness, Tone> = { fresh: "good", late: "attention", expired: "failing", unpublished: "quiet" };

/** What the service itself lives by: its queue, the record of changes, and how fresh each repository is. */
export const HealthPage: FC<Props> = ({ waiting, changes, repositories, next, now }) => {
  const times = Object.values(changes.scopes).map(({ at }) => at);
  return (
    <>
      <header class="title">
        <h1>{words.title}</h1>
        <p class="advice">{words.lead}</p>
      </header>
      <Facts
        facts={[
          [words.queue, words.queueSays(waiting)],
          [words.epoch, texts.number(changes.epoch)],
          [words.floor, texts.number(changes.floor)],
          [words.scopes, texts.number(times.length)],
          [words.lastChange, times.length === 0 ? words.noChange : <Moment at={Math.max(...times)} now={now} />],
        ]}
      />
      <h2>{words.repositories}</h2>
      <DataTable
        label={words.repositories}
        rows={repositories}
        idOf={({ repository }) => `repository-${repository}`}
        columns={[
          { head: words.repository, cell: ({ repository }) => repository },
          {
            head: words.state,
            cell(each) {
              const state = freshnessOf(each, now);
              return (
                <>
                  <Mark tone={tones[state]} {...words.states[state]} />
                  {state !== "fresh" && <small class="advice">{words.states[state].advice}</small>}
                </>
              );
            },
          },
          {
            head: words.signed,
            cell: ({ published }) => (published ? <Moment at={published.signedAt} now={now} /> : "–"),
          },
          {
            head: words.timestamp,
            numeric: true,
            cell: ({ published }) => (published ? texts.number(published.timestamp) : "–"),
          },
          {
            head: words.snapshot,
            numeric: true,
            cell: ({ published }) => (published ? texts.number(published.snapshot) : "–"),
          },
        ]}
      />
      <ListFoot csv="/health.csv" {...(next !== undefined && { next: hrefWith("/health", { cursor: next }) })} />
    </>
  );
};

/** The repositories as rows of a file. */
export function healthCsv(repositories: readonly RepositoryHealth[], now: number): (string | number)[][] {
  return [
    ["repository", "state", "signed", "timestamp", "snapshot"],
    ...repositories.map((each) => [
      each.repository,
      freshnessOf(each, now),
      each.published ? new Date(each.published.signedAt).toISOString() : "",
      each.published?.timestamp ?? "",
      each.published?.snapshot ?? "",
    ]),
  ];
}
