import type { SupportMatrix } from "../../protocol/wire/support.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

export type ProductSupport = { vendor: string; product: string; matrix: SupportMatrix };

export type SupportStore = ReturnType<typeof supportStore>;

/** Which kernels and builds each product covers. Written by vendor-api, for the vendor. */
export function supportStore(dynamo: Dynamo) {
  // As text: a matrix has up to a thousand entries
  const table = openTable<{ vendor: string; product: string; matrix: string }>(dynamo, tables.support);
  return {
    async put({ vendor, product, matrix }: ProductSupport): Promise<void> {
      await table.put({ vendor, product, matrix: JSON.stringify(matrix) });
    },
    /** By product. */
    async listByVendor(vendor: string, request: PageRequest = {}): Promise<Page<ProductSupport>> {
      const page = await table.query({ ...request, partition: vendor });
      return { ...page, items: page.items.map(({ matrix, ...row }) => ({ ...row, matrix: JSON.parse(matrix) })) };
    },
    async get(vendor: string, product: string): Promise<SupportMatrix | undefined> {
      const row = await table.get({ vendor, product });
      return row && JSON.parse(row.matrix);
    },
  };
}
