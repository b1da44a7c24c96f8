import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../../infra/local/stack.ts";
import { describeWithPeer, schemathesis } from "../support/peers.ts";

/**
 * The tenants that the routes are tried on. One check has an exception: what the description of a paged route lets through may still
 * be refused, because a cursor is good in its own list alone, which no schema can say; nor what metadata is signed by. A made-up If-Match is 412.
 */
const config = `
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]
[parameters]
"path.customer" = "globex"
"path.vendor" = "acme"
[[operations]]
include-method = "GET"
checks.positive_data_acceptance.enabled = false
[[operations]]
include-path-regex = "/metadata/"
checks.positive_data_acceptance.enabled = false
[[operations]]
include-path-regex = "/bulk$"
checks.positive_data_acceptance.enabled = false
`;
const minutes = 60_000;

await describeWithPeer("Schemathesis", schemathesis, () => {
  let stack: Stack;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "suture-schemathesis-"));
    const rateLimits = { token: 1_000_000, tenant: 1_000_000 };
    stack = await startStack({ dataDir: directory, port: 0, pollSeconds: 60, rateLimits, log: () => undefined });
    await post("/v1/vendors", { vendor: "acme", title: "Acme" });
    await post("/v1/customers", { customer: "globex", title: "Globex" });
    await writeFile(join(directory, "schemathesis.toml"), config);
  });
  afterAll(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true });
  });

  async function post(path: string, json: object): Promise<void> {
    const headers = { authorization: `Bearer ${stack.token}`, "content-type": "application/json" };
    const response = await fetch(`${stack.url}${path}`, { method: "POST", headers, body: JSON.stringify(json) });
    expect(response.status).toBe(201);
  }

  /** Tries the running service by what it says of itself, as the operator. */
  function run(...options: string[]): Promise<{ code: number; report: string }> {
    const args = ["run", `${stack.url}/openapi.json`, "--header", `Authorization: Bearer ${stack.token}`];
    args.push("--seed", "1", "--no-color", ...options);
    return new Promise((resolve) => {
      execFile(schemathesis.made, args, { cwd: directory, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : 1, report: stdout + stderr }),
      );
    });
  }

  test(
    "every example, every limit and every wrong method is answered as the API's own description says",
    async () => {
      const { code, report } = await run("--phases", "examples,coverage");
      expect(code, report).toBe(0);
      expect(report).toMatch(/Tested: \d{2,}/);
    },
    10 * minutes,
  );

  test(
    "no random request, right or wrong, makes the service fail",
    async () => {
      // Statements of machines are signed: what is made up ends at the signature
      const tried = ["--checks", "not_a_server_error", "--exclude-path-regex", "^/v1/agent/"];
      const { code, report } = await run("--phases", "fuzzing", "--max-examples", "20", ...tried);
      expect(code, report).toBe(0);
    },
    10 * minutes,
  );
});
