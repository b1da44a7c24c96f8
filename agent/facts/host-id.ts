import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { ifReadable } from "../system/proc.ts";

/**
 * Tells this installation of an operating system from every other: derived from its machine-id, which is not to be shown to anybody.
 * Empty where there is none, as in an image before its first boot. @see machine-id(5)
 */
export function hostId(path = "/etc/machine-id"): string {
  const id = ifReadable(() => readFileSync(path, "utf8"))?.trim() ?? "";
  return /^[0-9a-f]{32}$/.test(id) ? createHmac("sha256", id).update("suture").digest("hex") : "";
}
