import type { FC } from "hono/jsx";
import { isOpen, type PatchStatus } from "../../domain/status.ts";
import type { FleetCounts } from "../../stores/fleet/counts.ts";
import { severities } from "../../stores/fleet/rows.ts";
import { hrefOf, personal, totalOf } from "../machines/list.tsx";
import { Cves } from "../parts/cves.tsx";
import { DataTable, ListFoot } from "../parts/data-table.tsx";
import { PatchLabel, patchMachinesHref, SeverityBadge } from "../parts/patch-label.tsx";
import { ConditionMark, StatusMark } from "../parts/state.tsx";
import type { CountedFleet, CountedPatch } from "../patches/read.ts";
import { texts } from "../texts.ts";
import { Trend } from "./trend.tsx";

const { overview: words } = texts;
/** Open patches that a glance takes in; the list of patches has all. */
const shownOpen = 12;
/** What waits for a person with a patch, whatever machine it is on. */
const decisions: readonly PatchStatus[] = ["awaiting-approval", "rollout-halted", "no-seat"];

/** What is exposed, what needs a person, and how fast fixes get in: the page that a customer begins with. */
export const OverviewPage: FC<CountedFleet> = ({ counts, patches }) => {
  const open = patches
    .filter((each) => each.open > 0)
    .toSorted((one, other) => rank(one) - rank(other) || other.open - one.open);
  const total = totalOf(counts);
  const exposed = Object.values(counts.exposed).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <h1>{words.title}</h1>
      <p class="advice headline">
        <strong>{texts.number(exposed)}</strong> <a href="/machines">{words.exposedOf(total)}</a>
      </p>
      <ul class="counts" aria-label={words.bySeverity}>
        {severities.map((severity) => (
          <Exposure severity={severity} open={open} counts={counts} />
        ))}
      </ul>
      <div class="columns">
        <section>
          <h2>{words.open}</h2>
          {open.length === 0 ? (
            <p class="empty">{total === 0 ? words.noMachines : words.noneOpen}</p>
          ) : (
            <OpenPatches open={open.slice(0, shownOpen)} />
          )}
          {open.length > 0 && <ListFoot {...(open.length > shownOpen && { first: "/patches" })} csv="/patches.csv" />}
        </section>
        <section>
          <h2>{words.now}</h2>
          <Now counts={counts} patches={patches} />
        </section>
      </div>
      <h2>{words.trend}</h2>
      <Trend patches={patches} />
    </>
  );
};

const Exposure: FC<{ severity: (typeof severities)[number]; open: readonly CountedPatch[]; counts: FleetCounts }> = ({
  severity,
  open,
  counts,
}) => {
  const of = open.filter(({ patch }) => patch.manifest.severity === severity);
  const cves = new Set(of.flatMap(({ patch }) => patch.manifest.cves));
  const machines = counts.exposed[severity] ?? 0;
  return (
    <li>
      <a href={hrefOf({ exposed: severity })} class={machines === 0 ? "zero" : undefined}>
        <SeverityBadge severity={severity} />
        <strong>{texts.number(machines)}</strong>
        <span>{words.machinesWith(of.length, cves.size)}</span>
      </a>
    </li>
  );
};

const OpenPatches: FC<{ open: readonly CountedPatch[] }> = ({ open }) => (
  <DataTable
    label={words.open}
    rows={open}
    idOf={({ patch }) => patch.id}
    columns={[
      { head: texts.patches.patch, cell: ({ patch }) => <PatchLabel id={patch.id} patch={patch} /> },
      { head: texts.patches.severity, cell: ({ patch }) => <SeverityBadge severity={patch.manifest.severity} /> },
      { head: texts.patches.cves, cell: ({ patch }) => <Cves ids={patch.manifest.cves} none="–" /> },
      {
        head: words.exposed,
        numeric: true,
        cell: ({ patch, open: count }) => <a href={patchMachinesHref(patch.id)}>{texts.number(count)}</a>,
      },
      { head: words.why, cell: (each) => <Why counted={each} /> },
    ]}
  />
);

/** The commonest reason why machines lack a patch, with the list of those. */
const Why: FC<{ counted: CountedPatch }> = ({ counted: { patch, statuses } }) => {
  const [most] = (Object.entries(statuses) as [PatchStatus, number][])
    .filter(([status]) => isOpen(status))
    .toSorted(([, one], [, other]) => other - one);
  if (most === undefined) return null;
  return (
    <a href={patchMachinesHref(patch.id, most[0])}>
      <StatusMark status={most[0]} />
    </a>
  );
};

/** What does not go on by itself, each with how many machines wait for it and what to do. */
const Now: FC<CountedFleet> = ({ counts, patches }) => {
  const conditions = personal.filter((condition) => (counts.conditions[condition] ?? 0) > 0);
  const waiting = patches.flatMap(({ patch, statuses }) =>
    decisions.flatMap((status) => {
      const count = statuses[status] ?? 0;
      return count === 0 ? [] : [{ patch, status, count }];
    }),
  );
  if (conditions.length + waiting.length === 0) return <p class="empty">{words.nothing}</p>;
  return (
    <ul class="todo">
      {waiting.map(({ patch, status, count }) => (
        <li>
          <a href={status === "no-seat" ? patchMachinesHref(patch.id, status) : `/rollouts/${patch.id}`}>
            <StatusMark status={status} /> {words.machines(count)}
          </a>
          <small>{patch.manifest.title}</small>
          <small class="advice">{texts.statuses[status].advice}</small>
        </li>
      ))}
      {conditions.map((condition) => (
        <li>
          <a href={hrefOf({ condition })}>
            <ConditionMark condition={condition} /> {words.machines(counts.conditions[condition] ?? 0)}
          </a>
          <small class="advice">{texts.conditions[condition].advice}</small>
        </li>
      ))}
    </ul>
  );
};

function rank({ patch }: CountedPatch): number {
  return severities.indexOf(patch.manifest.severity);
}
