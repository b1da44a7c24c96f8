import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TrustedRepository } from "../protocol/trust/verify.ts";
import { startSuture } from "../test/support/suture.ts";

let cli: Awaited<ReturnType<typeof startSuture>>;
let tarball: string;
beforeAll(async () => {
  cli = await startSuture();
  tarball = join(cli.home, "agent.tar.gz");
  await writeFile(tarball, "a release");
});
afterAll(() => cli.stop());

const release = (...args: string[]) => cli.suture(["service", "release", ...args]);
const publish = (version: string, ...more: string[]) =>
  release("publish", version, "--x86-64", tarball, "--keys", cli.service.offlineKeys, ...more);

/** What a client of the public repository finds under a path, from the first root on. */
async function publicTarget(path: string) {
  const fetch = async (name: string) => (await cli.service.blobs.get(`tuf/service/${name}`))?.bytes;
  const client = TrustedRepository.open(
    new Map([["root", (await fetch("1.root.json")) ?? Buffer.alloc(0)]]),
    new Date(),
  );
  await client.refresh(fetch, ["agent"]);
  return client.target(path);
}

it("names a file that is not there, and sends nothing", async () => {
  const missing = join(cli.home, "missing.tar.gz");
  expect(await release("publish", "0.1.0", "--x86-64", missing, "--keys", cli.service.offlineKeys)).toMatchObject({
    code: 2,
    answer: { error: { code: "invalid-request", detail: `There is no ${missing}` } },
  });
});

it("releases the agent as a target of the role `agent`, ring by ring, and withdraws it, all for ever", async () => {
  expect(await publish("0.2.0", "--early-after", "1", "--all-after", "2")).toMatchObject({
    code: 0,
    answer: { role: "agent", version: 1, submitted: true },
  });
  expect((await publicTarget("agent/suture-agent-0.2.0-x86_64.tar.gz"))?.length).toBe("a release".length);
  expect(await publish("0.10.0")).toMatchObject({ code: 0 });
  const { answer } = await release("withdraw", "0.10.0", "--reason", "it leaks", "--keys", cli.service.offlineKeys);
  expect(answer).toMatchObject({ version: 3 });
  const { answer: listed } = await release("list");
  expect(listed.releases).toMatchObject([
    { version: "0.2.0", arches: ["x86_64"] },
    { version: "0.10.0", withdrawn: "it leaks" },
  ]);
  const [{ opens }] = listed.releases;
  expect([opens.early, opens.all].map((at) => Date.parse(at) - Date.parse(opens.canary))).toEqual([
    3_600_000, 7_200_000,
  ]);
});

it("refuses a version that is not newer, nothing to release, and rings in the wrong order", async () => {
  expect(await publish("0.9.0")).toMatchObject({ answer: { error: { code: "already-exists" } } });
  expect(await publish("1.0")).toMatchObject({ code: 2 });
  expect(await publish("1.0.0", "--early-after", "5", "--all-after", "4")).toMatchObject({ code: 2 });
  expect(await release("publish", "1.0.0", "--keys", cli.service.offlineKeys)).toMatchObject({ code: 2 });
  expect(await release("withdraw", "7.0.0", "--reason", "no", "--keys", cli.service.offlineKeys)).toMatchObject({
    answer: { error: { code: "not-found" } },
  });
});

it("takes no release that one key alone signed, and none without its tarball", async () => {
  const lonely = await mkdtemp(join(cli.home, "one-key-"));
  await copyFile(join(cli.service.offlineKeys, "agent-1.pem"), join(lonely, "agent-1.pem"));
  const { answer } = await release("publish", "2.0.0", "--x86-64", tarball, "--keys", lonely);
  expect(answer).toMatchObject({ submitted: false, role: "agent" });
  expect(await cli.suture(["service", "submit", answer.proposal, "--keys", lonely])).toMatchObject({
    code: 3,
    answer: { error: { code: "bad-signature" } },
  });
  // The other signer, elsewhere; the file travels
  const other = join(cli.home, "other");
  await mkdir(other);
  await copyFile(join(cli.service.offlineKeys, "agent-2.pem"), join(other, "agent-2.pem"));
  expect(await cli.suture(["service", "sign", answer.proposal, "--keys", other])).toMatchObject({
    answer: { complete: true },
  });
  expect(await cli.suture(["service", "submit", answer.proposal, "--keys", lonely])).toMatchObject({ code: 0 });
});
