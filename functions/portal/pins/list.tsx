import type { FC } from "hono/jsx";
import type { PinView } from "../../../protocol/wire/policy.ts";
import { Cves } from "../parts/cves.tsx";
import { DataTable, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";

const { pins: words } = texts;

type Props = { pins: readonly PinView[]; mayChange: boolean; next?: string | undefined; now: number };

/** Every pin, and what each leaves open. */
export const PinsPage: FC<Props> = ({ pins, mayChange, next, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {mayChange && (
      <p>
        <a href="/pins/new" class="button">
          {words.add}
        </a>
      </p>
    )}
    {pins.length === 0 ? (
      <p class="empty">{words.empty}</p>
    ) : (
      <DataTable
        label={words.title}
        rows={pins}
        columns={[
          { head: words.name, cell: ({ name }) => <a href={`/pins/${name}`}>{name}</a> },
          { head: words.patch, cell: ({ patch }) => <code>{patch}</code> },
          { head: words.newest, cell: ({ newest }) => words.upTo(newest) },
          { head: words.whom, cell: whomOf },
          {
            head: words.until,
            cell: ({ until }) => (
              <>
                <Moment at={Date.parse(until)} now={now} />
                {Date.parse(until) <= now && <small class="advice">{words.ended}</small>}
              </>
            ),
          },
          { head: words.open, cell: ({ openCves }) => <Cves ids={openCves} none={words.nothingOpen} /> },
          { head: words.reason, cell: ({ reason }) => reason },
        ]}
      />
    )}
    <ListFoot csv="/pins.csv" {...(next !== undefined && { next })} />
  </>
);

/** The list as rows of a file. */
export function pinsCsv(pins: readonly PinView[]): (string | number)[][] {
  return [
    ["pin", "patch", "newest", "group", "machine", "until", "leaves open", "reason"],
    ...pins.map(({ name, patch, newest, group = "", machine = "", until, openCves, reason }) => [
      name,
      patch,
      newest ?? "",
      group,
      machine,
      until,
      openCves.join(" "),
      reason,
    ]),
  ];
}

function whomOf({ group, machine }: PinView) {
  if (machine !== undefined) return <a href={`/machines/${machine}`}>{words.machine(machine)}</a>;
  return group === undefined ? words.everybody : texts.policies.group(group);
}
