import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";

let service: VendorService;
beforeAll(async () => {
  service = await startVendorService();
});
afterAll(() => service.stop());

it("a row that somebody edited to another type is named in the log, by its table and key and not by what else it holds", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  try {
    await service.stores.customers.create({ customer: "globex", title: "Globex", createdAt: 1, groups: {} });
    const joinedAt = "last week" as unknown as number;
    await service.stores.members.put({ tenant: "customer/globex", user: "ann@example.com", role: "owner", joinedAt });
    const response = await service.api.request("/v1/customers/globex/members", {
      headers: { authorization: `Bearer ${service.operator}` },
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("ann@example.com");
    const row = { tenant: "customer/globex", user: "ann@example.com" };
    expect(log.mock.calls.flat()).toContain(JSON.stringify({ message: "a row cannot be read", table: "members", row }));
  } finally {
    log.mockRestore();
  }
});
