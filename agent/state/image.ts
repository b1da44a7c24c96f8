import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EnrolmentToken } from "../../protocol/wire/enrol.ts";
import { type JsonFile, jsonFile } from "./json-file.ts";

const Image = z.strictObject({ server: z.url(), token: EnrolmentToken, ephemeral: z.boolean() });
/** With what the hosts that are started from an image enrol by themselves. */
export type Image = z.infer<typeof Image>;

const imageName = "image.json";

/** The image's file. */
export function imageFile(directory: string): JsonFile<Image> {
  return jsonFile(join(directory, imageName), Image);
}

/** What makes a host known to the service, and what it remembers of it. What is applied, and what is held, is the host's own. */
const identity = [
  "identity.json",
  "key.json",
  "session.json",
  "plan.json",
  "receipts",
  "refusals.json",
  "repositories",
  "sightings.json",
  "poll.json",
  "waiting.json",
  imageName,
];

/** Forgets who this host was; another enrolment takes over what is applied. */
export function forgetIdentity(directory: string): void {
  // Where the identity goes first, a host that is cut off here is enrolled nowhere
  for (const name of identity) rmSync(join(directory, name), { recursive: true, force: true });
}

/** Forgets all that is this one host's, so that copies of the folder are nobody yet. */
export function forgetHost(directory: string): void {
  // Whether an image is switched off is its own
  const kept = ["lock", "off", imageName];
  for (const name of [...identity, ...readdirSync(directory)]) {
    if (!kept.includes(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
