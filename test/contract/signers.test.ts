import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFileSigner, loadFileSigner, secretFile } from "../../functions/signers/file.ts";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import { signersContract, wrappersContract } from "./signers.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "suture-signers-"));
});
afterAll(() => rm(directory, { recursive: true }));

signersContract("file", async () => {
  const path = join(directory, crypto.randomUUID());
  await createFileSigner(path);
  return loadFileSigner(path);
});
wrappersContract("local wrapper", async () => localKeyWrapper(await secretFile(join(directory, "wrapping-key"))));

describe("key files", () => {
  test("a key file is private and is never overwritten", async () => {
    const path = join(directory, "key.pem");
    const { key } = await createFileSigner(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(createFileSigner(path)).rejects.toMatchObject({ code: "already-exists" });
    expect((await loadFileSigner(path)).key).toEqual(key);
  });

  test("a missing key and a damaged one are told apart", async () => {
    const path = join(directory, "damaged.pem");
    await writeFile(path, "no key");
    await expect(loadFileSigner(path)).rejects.toMatchObject({ code: "state-damaged" });
    await expect(loadFileSigner(join(directory, "none"))).rejects.toMatchObject({ code: "not-found" });
    await expect(secretFile(path)).rejects.toMatchObject({ code: "state-damaged" });
  });
});
