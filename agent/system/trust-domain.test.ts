import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, expect, it } from "vitest";
import { isSameDomain, trustDomainOf } from "./trust-domain.ts";

const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  }
});

/** The trust domain of a shell that is started like that. */
async function domainOf(program: string, args: readonly string[], uid?: number) {
  const child = spawn(program, [...args, "sh", "-c", "echo up; read line"], {
    stdio: ["pipe", "pipe", "inherit"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  started.push(child);
  await once(child.stdout, "data");
  const domain = trustDomainOf(child.pid ?? 0);
  if (domain === null) throw new Error("it ended");
  return domain;
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
