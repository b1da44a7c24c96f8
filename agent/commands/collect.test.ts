import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { runRound } from "../round/round.ts";
import { imageFile } from "../state/image.ts";
import { required } from "../state/json-file.ts";
import { redact } from "../support/redact.ts";
import { collect } from "./collect.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost({ millis: Date.now() }));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("gives away none of the secrets that are planted everywhere, and still what helps", async () => {
  const token = `suture-enrol.${"Q".repeat(43)}.${"0".repeat(64)}`;
  imageFile(host.state).write({ server: "https://suture.test", token, ephemeral: false });
  const apply = await service.publish("fix", buildId);
  service.actions = [apply];
  await runRound(host.agent, { force: true });
  const { agent } = host;
  const session = required(agent.session, "session.json");
  agent.session.write({ ...session, ticket: "ticket-of-planted-words" });
  agent.keptPlan.write({
    plan: "eyJhbGciOiJFZERTQSJ9.planted-plan-body.planted-signature",
    downloads: { ["0".repeat(64)]: "https://cdn.test/bundle?X-Amz-Signature=planted-amz&Expires=1" },
  });
  const record = agent.patches.get(apply.patch);
  if (record === undefined) throw new Error("It was not applied");
  agent.patches.put({
    ...record,
    state: "failed",
    detail:
      "GET https://me:planted-in-detail@cdn.test/x?sig=planted-sig answered 403; authorization: Bearer planted-bearer",
  });
  const etc = join(directory, "etc");
  mkdirSync(join(etc, "agent.d"), { recursive: true });
  const key = "-----BEGIN PRIVATE KEY-----\nplantedKEYbytes\n-----END PRIVATE KEY-----\n";
  writeFileSync(join(etc, "client.key"), key, { mode: 0o600 });
  writeFileSync(
    join(etc, "agent.toml"),
    `# an old one: http://agent:planted-old@proxy.test\n[network]\nproxy = "http://agent:planted%20word@127.0.0.1:9"\n`,
    { mode: 0o600 },
  );
  const environment = { SUTURE_AGENT_MIRROR: "https://me:planted-mirror@mirror.test/" };
  const sources = { folder: etc, state: host.state, environment };
  const output = join(directory, "support.tar.gz");
  const { json } = await collect({ sources, output });
  expect(statSync(output).mode & 0o777).toBe(0o600);

  const listed = execFileSync("tar", ["tzf", output], { encoding: "utf8" }).trim().split("\n");
  expect(json).toMatchObject({ file: output, files: listed });
  expect(listed).toEqual(
    expect.arrayContaining(["status.json", "doctor.json", "config/agent.toml", "state/session.json"]),
  );
  const archive = gunzipSync(readFileSync(output)).toString("latin1");
  const own = JSON.parse(readFileSync(join(host.state, "key.json"), "utf8"));
  for (const secret of [token, "Q".repeat(43), "ticket-of-planted-words", own.d, key]) {
    expect(archive).not.toContain(secret);
  }
  expect(archive.match(/.*planted.*/g)).toBeNull();
  for (const helpful of [apply.patch, agent.enrolment.machine, "proxy.test", "answered 403", "permissions"]) {
    expect(archive).toContain(helpful);
  }
  await expect(collect({ sources, output })).rejects.toMatchObject({ code: "already-exists" });
});

it("what looks like a secret is removed wherever it stands, and words about secrets stay", () => {
  const planted = [
    'level=error msg="token: abcdef123456 was refused"',
    "Proxy-Authorization: Basic YWdlbnQ6cGFzcw==",
    "https://cdn.test/b?Key-Pair-Id=K2&Signature=abc~def&Policy=xyz",
    "password=hunter2secret",
  ].join("\n");
  const text = redact(planted, []);
  expect(text).not.toMatch(/abcdef123456|YWdlbnQ6|abc~def|K2|hunter2secret|xyz/);
  expect(redact("The enrolment token has no uses left", [])).toBe("The enrolment token has no uses left");
  expect(redact("key one-time-word here", ["one-time-word"])).toBe("key [removed] here");
});
