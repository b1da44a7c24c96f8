import type { FC } from "hono/jsx";
import { Copy } from "../parts/copy.tsx";
import { DataTable, ListFoot } from "../parts/data-table.tsx";
import { Moment } from "../parts/moment.tsx";
import { texts } from "../texts.ts";
import type { ProductChannel } from "./channels.ts";

const { products: words } = texts;

type Props = { vendor: string; channels: readonly ProductChannel[] | undefined; now: number };

/** What a vendor makes patches for, and the signatures that stand behind each channel. */
export const ProductsPage: FC<Props> = ({ vendor, channels, now }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {channels === undefined ? (
      <div class="empty">
        <p>{words.empty}</p>
        <Copy text={words.initCommand(vendor)} />
      </div>
    ) : (
      <>
        <DataTable
          label={words.title}
          rows={channels}
          columns={[
            { head: words.channel, cell: ({ product, channel }) => `${product}/${channel}` },
            {
              head: words.patches,
              numeric: true,
              cell: ({ patches }) => <a href="/published">{texts.number(patches)}</a>,
            },
            {
              head: words.version,
              numeric: true,
              cell: ({ version }) => (version === 0 ? words.never : texts.number(version)),
            },
            { head: words.keys, cell: ({ threshold, keys }) => words.keysOf(threshold, keys) },
            {
              head: words.accepted,
              cell: ({ acceptedAt }) => (acceptedAt === undefined ? "–" : <Moment at={acceptedAt} now={now} />),
            },
            {
              head: words.expires,
              cell: ({ expires }) => (expires === undefined ? "–" : <Moment at={expires} now={now} />),
            },
            {
              head: words.support,
              cell: ({ product }) => <a href={`/products/${product}`}>{words.support}</a>,
            },
          ]}
        />
        <ListFoot csv="/products.csv" />
        <p class="advice">{words.add}</p>
        <Copy text={words.addCommand(vendor)} />
        <p class="advice">{words.renew}</p>
        <Copy text={words.renewCommand(vendor)} />
      </>
    )}
  </>
);

/** The channels as rows of a file. */
export function productsCsv(channels: readonly ProductChannel[]): (string | number)[][] {
  const day = (at: number | undefined) => (at === undefined ? "" : new Date(at).toISOString());
  return [
    ["product", "channel", "patches", "version", "threshold", "keys", "signed", "expires"],
    ...channels.map((each) => [
      each.product,
      each.channel,
      each.patches,
      each.version,
      each.threshold,
      each.keys,
      day(each.acceptedAt),
      day(each.expires),
    ]),
  ];
}
