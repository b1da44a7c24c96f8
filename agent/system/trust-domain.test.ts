import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, expect, it } from "vitest";
import { hostShare, isSameDomain, shareOf, trustDomainOf } from "./trust-domain.ts";

const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  }
});

/** The trust domain of a shell that is started like that. */
async function domainOf(program: string, args: readonly string[], uid?: number) {
  const domain = trustDomainOf(await start(program, args, uid));
  if (domain === null) throw new Error("it ended");
  return domain;
}

async function start(program: string, args: readonly string[], uid?: number): Promise<number> {
  const child = spawn(program, [...args, "sh", "-c", "echo up; read line"], {
    stdio: ["pipe", "pipe", "inherit"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  started.push(child);
  await once(child.stdout, "data");
  return child.pid ?? 0;
}

it.skipIf(process.getuid?.() !== 0)("users, user namespaces and setuid programs are domains of their own", async () => {
  const own = trustDomainOf(process.pid);
  if (own === null) throw new Error("it ended");
  expect(isSameDomain(await domainOf("env", []), own)).toBe(true);
  const other = await domainOf("env", [], 65_534);
  expect(other).toEqual({ ...own, uid: 65_534 });
  expect(isSameDomain(other, own)).toBe(false);
  // Root's rights, by another user's wish
  expect(await domainOf("setpriv", ["--ruid", "65534"])).toEqual({ ...own, uid: 65_534 });
  const apart = await domainOf("unshare", ["--user", "--map-root-user"]);
  expect(apart.uid).toBe(own.uid);
  expect(isSameDomain(apart, own)).toBe(false);
  expect(trustDomainOf(2 ** 22 + 1)).toBeNull();
});

it.skipIf(process.getuid?.() !== 0)("no user gets more shares by making namespaces", async () => {
  const shares = await Promise.all([
    start("env", [], 65_534),
    start("unshare", ["--user", "--map-root-user"], 65_534),
    start("unshare", ["--user", "--map-root-user", "--pid", "--fork"], 65_534),
    start("env", []),
    start("setpriv", ["--reuid", "100007", "--regid", "100007", "--clear-groups"]),
    start("setpriv", ["--reuid", "100999", "--regid", "100999", "--clear-groups"]),
  ]);
  const [user, namespace, nested, root, one, other] = shares.map(shareOf);
  expect([user, namespace, nested]).toEqual(["uid 65534", "uid 65534", "uid 65534"]);
  expect(root).toBe(hostShare);
  expect([one, other]).toEqual(["uids from 65536", "uids from 65536"]);
});
