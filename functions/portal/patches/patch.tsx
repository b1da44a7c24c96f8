import type { FC } from "hono/jsx";
import { parsePatchId } from "../../../protocol/wire/names.ts";
import type { PatchRecord } from "../../stores/patches.ts";
import type { Fleet } from "../machines/fleet.ts";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { SeverityBadge } from "../parts/patch-label.tsx";
import { PatchStateMark, StatusMark } from "../parts/state.tsx";
import { texts } from "../texts.ts";

type Props = { patch: PatchRecord; machines: Fleet["machines"]; now: number };

const { patch: words } = texts;

/** One patch: what it mends, what it is made of, and who has it. */
export const PatchPage: FC<Props> = ({ patch, machines, now }) => {
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
          [words.cves, manifest.cves.length === 0 ? words.noCves : manifest.cves.map((cve) => <Cve id={cve} />)],
          [words.advisory, manifest.advisory ? <Advisory href={manifest.advisory} /> : words.noAdvisory],
          [words.live, <Moment at={patch.liveAt} now={now} />],
          [words.vendor, vendor],
          [words.product, manifest.product],
          [words.channel, manifest.channel],
          [words.version, String(manifest.version)],
          [words.supersedes, manifest.supersedes.join(", ") || "–"],
          [words.requires, manifest.requires.join(", ") || "–"],
          [words.manifest, <code>{patch.manifestSha256}</code>],
        ]}
      />
      <h2>{words.machines}</h2>
      <Machines id={patch.id} machines={machines} now={now} />
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

const Cve: FC<{ id: string }> = ({ id }) => (
  <a class="cve" href={`https://www.cve.org/CVERecord?id=${id}`} rel="noreferrer">
    {id}
  </a>
);

const Advisory: FC<{ href: string }> = ({ href }) => (
  <a href={href} rel="noreferrer">
    {words.read}
  </a>
);

const Machines: FC<{ id: string; machines: Fleet["machines"]; now: number }> = ({ id, machines, now }) => {
  const rows = machines.flatMap(({ machine, patches }) =>
    patches.filter((each) => each.id === id).map((each) => ({ machine, ...each })),
  );
  if (rows.length === 0) return <p class="empty">{words.noMachines}</p>;
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">{words.machine}</th>
          <th scope="col">{words.state}</th>
          <th scope="col">{words.since}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ machine, status, detail, at }) => (
          <tr id={machine.machine}>
            <th scope="row">
              <a href={`/machines/${machine.machine}`}>
                <bdi>{machine.facts.hostname || machine.machine}</bdi>
              </a>
            </th>
            <td data-label={words.state}>
              <StatusMark status={status} />
              <small class="advice">{texts.statuses[status].advice}</small>
              {detail && <small class="detail">{detail}</small>}
            </td>
            <td data-label={words.since}>{at === undefined ? "–" : <Moment at={at} now={now} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

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
            <code>{variant.engine === "elf" ? variant.match.buildId : variant.match.kernel}</code> {variant.match.arch}
          </th>
          <td data-label={words.engine}>{variant.engine}</td>
          <td data-label={words.functions}>
            <code>
              {variant.engine === "elf" ? variant.functions.map(({ name }) => name).join(", ") : variant.module}
            </code>
          </td>
          <td data-label={words.size}>{words.bytes(variant.bundle.payload.size)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
