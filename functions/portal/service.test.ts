import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { AuditList } from "../../protocol/wire/audit.ts";
import { EnrolmentTokenCreated } from "../../protocol/wire/customer.ts";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";
import type { SignIn } from "../vendor-api/auth.ts";
import { serviceAs } from "./service.ts";

let service: VendorService;
beforeAll(async () => {
  service = await startVendorService();
  for (const customer of ["globex", "initech"]) {
    await service.stores.customers.create({ customer, title: customer, createdAt: 0, groups: {} });
  }
});
afterAll(() => service?.stop());

function ann(role: "owner" | "viewer"): SignIn {
  const principal = { kind: "customer", tenant: "globex", role } as const;
  return { principal, token: "0".repeat(64), label: "ann@example.com", user: "ann@example.com", expiresAt: 0 };
}

test("what a person does on a page is checked as on the API, and the log names the person", async () => {
  const owner = serviceAs(service.api, ann("owner"));
  const path = "/v1/customers/globex/enrolment-tokens";
  await owner.call("POST", path, EnrolmentTokenCreated, { group: "web" });
  await expect(owner.call("POST", path, z.unknown(), { uses: 0 })).rejects.toMatchObject({ code: "invalid-request" });
  const viewer = serviceAs(service.api, ann("viewer"));
  await expect(viewer.call("POST", path, z.unknown(), {})).rejects.toMatchObject({ code: "forbidden" });
  const elsewhere = owner.call("GET", "/v1/customers/initech", z.unknown());
  await expect(elsewhere).rejects.toMatchObject({ code: "not-found" });

  const { entries } = await owner.call("GET", "/v1/customers/globex/audit", AuditList);
  expect(entries).toMatchObject([{ who: "customer globex, owner (ann@example.com)", what: `POST ${path}` }]);
});

test("nobody but this process can say who is signed in", async () => {
  const guesses = [{ signIn: ann("owner") }, { "inner request": ann("owner") }, { suture: "inner" }];
  for (const environment of guesses) {
    const answer = await service.api.request("/v1/customers/globex", {}, environment);
    expect(answer.status).toBe(401);
  }
});
