import { expect, test } from "vitest";
import { unitIn } from "./units.ts";

test("a process belongs to a service of the system, be it in a group below it, and to no user's own", () => {
  expect(unitIn("0::/system.slice/nginx.service\n")).toBe("nginx.service");
  expect(unitIn("0::/system.slice/system-postgresql.slice/postgresql@15-main.service/workers\n")).toBe(
    "postgresql@15-main.service",
  );
  expect(unitIn("12:cpu:/other.service\n1:name=systemd:/system.slice/cron.service\n")).toBe("cron.service");
  expect(unitIn("0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n")).toBeUndefined();
  expect(unitIn("0::/\n")).toBeUndefined();
});
