import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { configWith } from "../config/config.ts";
import { enrolmentFile, machineKeys } from "../state/identity.ts";
import { forgetIdentity, imageFile } from "../state/image.ts";
import { patchesStore } from "../state/patches.ts";
import { enrolFromImage, isCopy } from "./join.ts";

const image = {
  server: "https://suture.test",
  token: `suture-enrol.${"A".repeat(43)}.${"0".repeat(64)}`,
  ephemeral: true,
};
let state: string;
let joined: string[];
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "suture-image-"));
  joined = [];
});
afterEach(() => rmSync(state, { recursive: true }));

/** Boots the installation of this id, whose enrolment works or not. */
const boot = (host: string, works = true) =>
  enrolFromImage(configWith({ state }), {
    host,
    join: async ({ state: folder }, { server, ephemeral }) => {
      const { publicKey } = await machineKeys(folder);
      if (!works) throw new Error("away");
      joined.push(publicKey.x);
      const [machine, customer] = [`m-${"0a".repeat(16)}`, "globex"];
      const enrolment = { server, machine, customer, group: "web", enrolledAt: 1, ephemeral, hostId: host };
      enrolmentFile(folder).write(enrolment);
      return enrolment;
    },
  });

it("a host of an image enrols once, tries again with the same key until it is, and a copy of it is another machine", async () => {
  imageFile(state).write(image);
  await expect(boot("host-a", false)).rejects.toThrow("away");
  const { publicKey } = await machineKeys(state);
  await boot("host-a");
  await boot("host-a");
  expect(joined).toEqual([publicKey.x]);
  expect(isCopy(state, "host-a")).toBe(false);

  const hold = { patch: "acme/echod/stable/fix@1", at: 1 };
  patchesStore(state).hold(hold);
  expect(isCopy(state, "host-b")).toBe(true);
  await boot("host-b");
  expect(new Set(joined).size).toBe(2);
  expect(enrolmentFile(state).read()).toMatchObject({ hostId: "host-b", ephemeral: true });
  expect(patchesStore(state).holds()).toEqual([]);
});

it("without an image, or where a host has no machine-id, nobody enrols by itself", async () => {
  await boot("host-a");
  expect(joined).toEqual([]);
  imageFile(state).write(image);
  await boot("");
  await boot("host-b");
  await boot("");
  expect(joined).toHaveLength(1);
});

it("who leaves forgets its identity and the image's token, and keeps what is applied and what is held", async () => {
  imageFile(state).write(image);
  await boot("host-a");
  const hold = { patch: "acme/echod/stable/fix@1", at: 1 };
  patchesStore(state).hold(hold);
  writeFileSync(join(state, "session.json"), "{}");
  forgetIdentity(state);
  expect(readdirSync(state).sort()).toEqual(["holds", "patches", "payloads"]);
  expect(patchesStore(state).holds()).toEqual([hold]);
});
