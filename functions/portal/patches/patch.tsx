import type { FC } from "hono/jsx";
import { parsePatchId } from "../../../protocol/wire/names.ts";
import type { Variant } from "../../../protocol/wire/patch.ts";
import { type PatchStatus, statusOrder } from "../../domain/status.ts";
import { tookWithin } from "../../domain/took.ts";
import type { PatchMachine } from "../../stores/fleet.ts";
import type { Page } from "../../stores/page.ts";
import type { PatchRecord } from "../../stores/patches.ts";
import { Cves } from "../parts/cves.tsx";
import { type Column, DataTable, hrefWith, ListFoot } from "../parts/data-table.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { patchHref, patchMachinesHref, SeverityBadge } from "../parts/patch-label.tsx";
import { PatchStateMark, StatusMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";
import type { CountedPatch } from "./read.ts";

type Props = {
  counted: CountedPatch;
  machines: Page<PatchMachine>;
  /** which of them are listed; all where it is undefined */
  status: PatchStatus | undefined;
  now: number;
};

const { patch: words } = texts;

/** One patch: what it mends, what it is made of, and who has it. */
export const PatchPage: FC<Props> = ({ counted, machines, status, now }) => {
  const { patch, took } = counted;
  const { manifest } = patch;
  const { vendor } = parsePatchId(patch.id);
  return (
    <>
      <header class="title">
        <h1>{manifest.title}</h1>
        <p>
          <SeverityBadge severity={manifest.severity} /> <PatchStateMark state={patch.state} />{" "}
          <span class="advice">{texts.patchStates[patch.state].advice}</span>
        </p>
      </header>
      {patch.state === "withdrawn" && <Withdrawal patch={patch} now={now} />}
      <Facts
        facts={[
          [words.cves, <Cves ids={manifest.cves} none={words.noCves} />],
          [words.advisory, manifest.advisory ? <Advisory href={manifest.advisory} /> : words.noAdvisory],
          [words.live, <Moment at={patch.liveAt} now={now} />],
          [words.took, words.tookBoth(tookWithin(took, 0.5), tookWithin(took, 0.95))],
          [words.vendor, vendor],
          [words.product, manifest.product],
          [words.channel, manifest.channel],
          [words.version, String(manifest.version)],
          [words.supersedes, manifest.supersedes.join(", ") || "–"],
          [words.requires, manifest.requires.join(", ") || "–"],
          [words.manifest, <code>{patch.manifestSha256}</code>],
        ]}
      />
      <h2 id="machines">{words.machines}</h2>
      <Machines counted={counted} machines={machines} status={status} now={now} />
      <h2>{words.variants}</h2>
      <Variants variants={manifest.variants} />
    </>
  );
};

const Withdrawal: FC<{ patch: PatchRecord; now: number }> = ({ patch: { withdrawnAt, reason }, now }) => (
  <p class="withdrawal" role="note">
    <strong>{words.withdrawn}</strong> {withdrawnAt !== undefined && <Moment at={withdrawnAt} now={now} />}
    {". "}
    {reason ? words.reason(reason) : words.noReason}
  </p>
);

const Advisory: FC<{ href: string }> = ({ href }) => (
  <a href={href} rel="noreferrer">
    {words.read}
  </a>
);

/** How many stand how, each with its list; then a page of the list that was asked for. */
const Machines: FC<Props> = ({ counted, machines, status, now }) => {
  const { patch, statuses } = counted;
  // A database gives attributes in no order: one that is always the same keeps each card where it was
  const told = (Object.entries(statuses) as [PatchStatus, number][]).sort(
    ([one], [other]) => statusOrder(one) - statusOrder(other),
  );
  if (told.length === 0) return <p class="empty">{words.noMachines}</p>;
  const path = patchHref(patch.id);
  return (
    <>
      <ul class="counts" aria-label={words.counts}>
        {told.map(([each, count]) => (
          <li>
            <a href={patchMachinesHref(patch.id, each)} aria-current={each === status ? "true" : undefined}>
              <strong>{texts.number(count)}</strong>
              <StatusMark status={each} />
            </a>
          </li>
        ))}
      </ul>
      {status && <p class="advice">{texts.statuses[status].advice}</p>}
      <DataTable label={words.machines} columns={columns(now)} rows={machines.items} idOf={({ machine }) => machine} />
      <ListFoot
        {...(status !== undefined && { first: patchMachinesHref(patch.id) })}
        {...(machines.cursor !== undefined && { next: hrefWith(path, { status, cursor: machines.cursor }) })}
        csv={hrefWith(`${path}/machines.csv`, { status })}
      />
    </>
  );
};

const columns = (now: number): Column<PatchMachine>[] => [
  {
    head: words.machine,
    cell: ({ machine, hostname }) => (
      <a href={`/machines/${machine}`}>
        <bdi>{hostname || machine}</bdi>
      </a>
    ),
  },
  {
    head: words.state,
    cell: ({ status, detail }) => (
      <>
        <StatusMark status={status} />
        <small class="advice">{texts.statuses[status].advice}</small>
        {detail && <small class="detail">{detail}</small>}
      </>
    ),
  },
  { head: words.since, cell: ({ at }) => (at === undefined ? "–" : <Moment at={at} now={now} />) },
];

/** The list as a file, its columns' names first. */
export function patchMachinesCsv(machines: readonly PatchMachine[]): (string | number)[][] {
  const rows = machines.map(({ machine, hostname, status, detail, at }) => [
    machine,
    hostname,
    texts.statuses[status].word,
    detail,
    at === undefined ? "" : new Date(at).toISOString(),
  ]);
  return [[words.id, words.machine, words.state, words.detail, words.since], ...rows];
}

const Variants: FC<{ variants: PatchRecord["manifest"]["variants"] }> = ({ variants }) => (
  <table class="cards">
    <thead>
      <tr>
        <th scope="col">{words.target}</th>
        <th scope="col">{words.engine}</th>
        <th scope="col">{words.functions}</th>
        <th scope="col">{words.size}</th>
      </tr>
    </thead>
    <tbody>
      {variants.map((variant) => (
        <tr>
          <th scope="row">
            <code>{targetOf(variant)}</code> {variant.match.arch}
          </th>
          <td data-label={words.engine}>{variant.engine}</td>
          <td data-label={words.functions}>
            <code>{contentOf(variant)}</code>
          </td>
          <td data-label={words.size}>{words.bytes(variant.bundle.payload.size)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

function targetOf(variant: Variant): string {
  if (variant.engine === "elf") return variant.match.buildId;
  return variant.engine === "klp" ? variant.match.kernel : variant.level;
}

/** What of the target is patched; of a level of another's client only that client knows. */
function contentOf(variant: Variant): string {
  if (variant.engine === "elf") return variant.functions.map(({ name }) => name).join(", ");
  if (variant.engine === "klp") return variant.module;
  return variant.engine === "hotpatch" ? variant.article : "–";
}
