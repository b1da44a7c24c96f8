import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { Check } from "../checks/check.ts";
import { enrolmentFile } from "../state/identity.ts";
import { doctor } from "./doctor.ts";

let directory: string;
let host: TestHost;
beforeEach(async () => {
  ({ directory, host } = await servedHost({ millis: Date.now() }));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What doctor finds of one host, by the names of the parts. */
async function found(environment: Record<string, string> = {}): Promise<Map<string, Check>> {
  const sources = { folder: join(directory, "etc"), state: host.state, environment };
  const { json } = await doctor({ sources });
  return new Map((json as { checks: Check[] }).checks.map((check) => [check.name, check]));
}

/** Lets the host belong to another address. */
function moveTo(server: string): void {
  const enrolment = enrolmentFile(host.state);
  enrolment.write({ ...host.agent.enrolment, server });
}

it("names what is wrong with the way to the service, and what mends it", async () => {
  const server = createServer((_, response) => {
    response.setHeader("date", new Date(Date.now() - 3_600_000).toUTCString());
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  moveTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const late = await found();
  expect(late.get("clock")).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/^3(?:59|60|61)\d s ahead of the server's$/),
    mend: "Set this host's clock.",
  });
  expect(late.get("trust service")).toMatchObject({ ok: false, detail: expect.stringMatching(/^[a-z-]+: /) });
  await new Promise((resolve) => server.close(resolve));

  expect((await found()).get("server")).toMatchObject({
    ok: false,
    mend: expect.stringContaining("Nothing listens there"),
  });
  moveTo("https://suture.invalid");
  expect((await found()).get("server")).toMatchObject({
    ok: false,
    mend: expect.stringContaining("The name is not known"),
  });
  const proxied = await found({ SUTURE_AGENT_NETWORK_PROXY: "http://agent:pass-w0rd@127.0.0.1:1" });
  expect(proxied.get("way")?.detail).toBe("through http://agent:***@127.0.0.1:1 (SUTURE_AGENT_NETWORK_PROXY), by TLS");
  expect(proxied.get("server")).toMatchObject({ ok: false, mend: expect.stringContaining("Check network.proxy") });
});

it("works on a configuration that cannot be used, and on a host that is not as it should be", async () => {
  moveTo("http://127.0.0.1:1");
  mkdirSync(join(directory, "etc"));
  writeFileSync(join(directory, "etc/agent.toml"), "mirror = 7\n", { mode: 0o600 });
  writeFileSync(join(host.state, "off"), "");
  const checks = await found({ SUTURE_AGENT_NONSENSE: "x" });
  expect(checks.get("configuration")).toMatchObject({ ok: false });
  expect(checks.get("switched on")).toMatchObject({ ok: false });
  expect(checks.get("agent")).toMatchObject({ ok: false, optional: true });
  expect([...checks.keys()]).toEqual(expect.arrayContaining(["disk", "kernel", "permissions", "engine elf", "plan"]));
});
