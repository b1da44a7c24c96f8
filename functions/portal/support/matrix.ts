import type { SubscriptionView } from "../../../protocol/wire/subscriptions.ts";
import type { SupportMatrix } from "../../../protocol/wire/support.ts";
import type { SupportStore } from "../../stores/support.ts";

/** One thing that a product covers. `product` is `vendor/product`, `until` the last day. */
export type Supported = {
  product: string;
  title: string;
  kind: "kernel" | "build";
  version: string;
  arch: string;
  until: string;
};

/** What the products cover that a customer subscribes to, what ends first at the top. */
export async function supportedBy(
  subscriptions: readonly Pick<SubscriptionView, "vendor" | "product">[],
  support: SupportStore,
): Promise<Supported[]> {
  const products = new Map(subscriptions.map(({ vendor, product }) => [`${vendor}/${product}`, { vendor, product }]));
  const found = [...products].map(async ([name, { vendor, product }]) => {
    const matrix = await support.get(vendor, product);
    return matrix === undefined ? [] : rowsOf(name, matrix);
  });
  return (await Promise.all(found)).flat().toSorted((a, b) => (a.until < b.until ? -1 : 1));
}

/** A matrix as rows. */
function rowsOf(product: string, { kernels, builds }: SupportMatrix): Supported[] {
  return [
    ...kernels.map(({ kernel, ...entry }) => ({ ...entry, product, kind: "kernel" as const, version: kernel })),
    ...builds.map(({ buildId, ...entry }) => ({ ...entry, product, kind: "build" as const, version: buildId })),
  ];
}
