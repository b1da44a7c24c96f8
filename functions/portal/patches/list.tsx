import type { FC } from "hono/jsx";
import { tookWithin } from "../../domain/took.ts";
import { Cves } from "../parts/cves.tsx";
import { type Column, DataTable, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { PatchLabel, patchMachinesHref, SeverityBadge } from "../parts/patch-label.tsx";
import { PatchStateMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import type { CountedPatch } from "./read.ts";

const { patches: words } = texts;

/** Every patch that the customer may have or has, the newest first. */
export const PatchesPage: FC<{ patches: readonly CountedPatch[]; customer: string; now: number }> = (props) => {
  const { patches, customer, now } = props;
  if (patches.length === 0) {
    return (
      <section class="first-steps">
        <h1>{words.empty.title}</h1>
        <p>{words.empty.first}</p>
        <pre>
          <code>{words.empty.command(customer)}</code>
        </pre>
      </section>
    );
  }
  return (
    <>
      <h1>{words.title}</h1>
      <DataTable label={words.title} columns={columns(now)} rows={patches} idOf={({ patch }) => patch.id} />
      <ListFoot csv="/patches.csv" />
    </>
  );
};

/** The list as a file, its columns' names first. */
export function patchesCsv(patches: readonly CountedPatch[]): (string | number)[][] {
  const rows = patches.map(({ patch, have, open, took }) => [
    patch.id,
    patch.manifest.title,
    texts.severities[patch.manifest.severity],
    patch.manifest.cves.join(" "),
    texts.patchStates[patch.state].word,
    have,
    open,
    texts.patches.duration(tookWithin(took, 0.5)),
    texts.patches.duration(tookWithin(took, 0.95)),
    new Date(patch.liveAt).toISOString(),
  ]);
  const { id, patch, severity, cves, state, have, open, median, most, live } = words;
  return [[id, patch, severity, cves, state, have, open, median, most, live], ...rows];
}

const columns = (now: number): Column<CountedPatch>[] => [
  { head: words.patch, cell: ({ patch }) => <PatchLabel id={patch.id} patch={patch} /> },
  { head: words.severity, cell: ({ patch }) => <SeverityBadge severity={patch.manifest.severity} /> },
  { head: words.cves, cell: ({ patch }) => <Cves ids={patch.manifest.cves} none="–" /> },
  { head: words.state, cell: ({ patch }) => <PatchStateMark state={patch.state} /> },
  {
    head: words.have,
    numeric: true,
    cell: ({ patch, have, open }) => <a href={patchMachinesHref(patch.id)}>{words.haveOf(have, have + open)}</a>,
  },
  { head: words.median, numeric: true, cell: ({ took }) => words.duration(tookWithin(took, 0.5)) },
  { head: words.live, cell: ({ patch }) => <Moment at={patch.liveAt} now={now} /> },
];
