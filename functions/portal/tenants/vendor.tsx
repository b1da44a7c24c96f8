import type { FC } from "hono/jsx";
import type { VendorStopView } from "../../../protocol/wire/recalls.ts";
import type { VendorCreated, VendorView } from "../../../protocol/wire/vendor.ts";
import { Copy } from "../parts/copy.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Input, Refusal } from "../parts/form.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";

const { tenants: words } = texts;

type Props = { vendor: VendorView; stop: VendorStopView; refusal?: string | undefined; now: number };

/** One vendor, as the operator looks after it: what it signed, and the emergency stop. */
export const VendorPage: FC<Props> = ({ vendor, stop, refusal, now }) => (
  <>
    <header class="title">
      <h1>{vendor.title}</h1>
      <p class="advice">{vendor.vendor}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <h2>{words.roles}</h2>
    {vendor.roles.length === 0 ? (
      <p class="empty">{words.noRoles}</p>
    ) : (
      <DataTable
        label={words.roles}
        rows={vendor.roles}
        columns={[
          { head: words.role, cell: ({ role }) => role },
          { head: words.version, numeric: true, cell: ({ version }) => texts.number(version) },
          { head: words.accepted, cell: ({ acceptedAt }) => <Moment at={Date.parse(acceptedAt)} now={now} /> },
        ]}
      />
    )}
    <h2>{words.stop}</h2>
    <p>{stop.stopped ? words.stopped(stop.reason ?? "") : words.notStopped}</p>
    <details open={stop.stopped}>
      <summary>{stop.stopped ? words.liftIt : words.stopIt}</summary>
      <p class="advice">{words.stopSays}</p>
      <form method="post" action={`/tenants/vendors/${vendor.vendor}/stop`}>
        <Input label={words.reason} name="reason" required />
        <input type="hidden" name="stopped" value={stop.stopped ? "no" : "yes"} />
        <p class="buttons">
          <button type="submit" class="quiet-button">
            {stop.stopped ? words.liftIt : words.stopIt}
          </button>
        </p>
      </form>
    </details>
  </>
);

/** A vendor that was just let in: its token, this once. */
export const VendorMadePage: FC<{ made: VendorCreated }> = ({ made: { vendor, token } }) => (
  <>
    <h1>{vendor}</h1>
    <p>{words.vendorMade(vendor)}</p>
    <Copy text={token} />
    <p>{words.vendorNext}</p>
    <Copy text={words.vendorInit(vendor)} />
    <p>
      <a href={`/tenants/vendors/${vendor}`}>{vendor}</a>
    </p>
  </>
);
