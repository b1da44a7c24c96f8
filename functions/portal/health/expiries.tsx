import type { FC } from "hono/jsx";
import type { Ending } from "../../../protocol/wire/expiry.ts";
import type { PlanKeys } from "../../../protocol/wire/plan.ts";
import { endingOf, type SignedRole } from "../../domain/expiry.ts";
import type { Tone } from "../../domain/status.ts";
import { DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { Mark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

const { expiries: words } = texts;

type Props = {
  roles: readonly SignedRole[];
  planKeys: PlanKeys["keys"];
  next: string | undefined;
  now: number;
};

const tones: Record<Ending, Tone> = {
  fine: "good",
  "ends-in-60-days": "moving",
  "ends-in-30-days": "attention",
  "ends-in-7-days": "failing",
  ended: "failing",
};

/** Until when each signature counts, and each plan key. */
export const ExpiriesPage: FC<Props> = ({ roles, planKeys, next, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {roles.length === 0 ? (
      <p class="empty">{words.none}</p>
    ) : (
      <DataTable
        label={words.title}
        rows={roles}
        columns={[
          { head: words.role, cell: ({ role }) => role },
          { head: words.repository, cell: ({ repository }) => repository },
          { head: words.version, numeric: true, cell: ({ version }) => texts.number(version) },
          { head: words.keys, cell: ({ keys, threshold }) => words.keysOf(threshold, keys) },
          { head: words.ends, cell: ({ expires }) => <Moment at={expires} now={now} /> },
          { head: words.state, cell: ({ expires }) => <EndingMark ending={endingOf(expires, now)} /> },
        ]}
      />
    )}
    <ListFoot csv="/expiries.csv" {...(next !== undefined && { next: hrefWith("/expiries", { cursor: next }) })} />
    <h2>{words.planKeys}</h2>
    {planKeys.length === 0 ? (
      <p class="empty">{words.noPlanKeys}</p>
    ) : (
      <DataTable
        label={words.planKeys}
        rows={planKeys}
        columns={[
          { head: words.planKey, cell: ({ kid }) => <code>{kid}</code> },
          { head: words.from, cell: ({ nbf }) => <Moment at={nbf * 1000} now={now} /> },
          { head: words.ends, cell: ({ exp }) => <Moment at={exp * 1000} now={now} /> },
        ]}
      />
    )}
  </>
);

const EndingMark: FC<{ ending: Ending }> = ({ ending }) => (
  <>
    <Mark tone={tones[ending]} {...words.states[ending]} />
    {ending !== "fine" && <small class="advice">{words.states[ending].advice}</small>}
  </>
);

/** The roles as rows of a file. */
export function expiriesCsv(roles: readonly SignedRole[], now: number): (string | number)[][] {
  return [
    ["repository", "role", "version", "threshold", "keys", "ends", "state"],
    ...roles.map(({ repository, role, version, threshold, keys, expires }) => [
      repository,
      role,
      version,
      threshold,
      keys,
      new Date(expires).toISOString(),
      endingOf(expires, now),
    ]),
  ];
}
