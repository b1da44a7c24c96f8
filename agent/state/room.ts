import { SutureError } from "../../protocol/errors.ts";
import type { Variant } from "../../protocol/wire/patch.ts";
import { freeBytes, inMebibytes, mebibyte } from "../system/disk.ts";
import type { PatchesStore } from "./patches.ts";

/** What kept payloads may take together: four of the largest that a patch may have. Bytes. */
const payloadQuota = 1024 * mebibyte;
/** A host needs the rest of its disk for what it is there for, and the agent its own records. Bytes. */
const leftFree = 64 * mebibyte;

/**
 * Makes room for payloads that are to be kept, if need be by forgetting, the oldest first, what is kept only in case. What is applied, is
 * being applied, or is wanted for an undo stays.
 * @param payloads what is to be kept; what is kept already takes no more room
 * @throws SutureError `no-space`, with the figures
 */
export type Room = (payloads: readonly Variant["bundle"]["payload"][]) => void;

/** The room for payloads on the disk of a state directory. */
export function roomIn(
  directory: string,
  patches: Pick<PatchesStore, "payload" | "payloadBytes" | "forgetOldest">,
  { quota = payloadQuota, free = () => freeBytes(directory) }: { quota?: number; free?: () => number } = {},
): Room {
  const whyNot = (bytes: number) => {
    const kept = patches.payloadBytes();
    if (kept + bytes > quota)
      return `patches take ${inMebibytes(kept)} of the ${inMebibytes(quota)} that they may take here`;
    const left = free();
    return left - bytes < leftFree
      ? `${inMebibytes(left)} are free in ${directory}, and ${inMebibytes(leftFree)} stay free`
      : undefined;
  };
  return (payloads) => {
    const coming = payloads.filter(({ sha256 }) => patches.payload(sha256) === undefined);
    const bytes = coming.reduce((sum, { size }) => sum + size, 0);
    if (bytes === 0) return;
    let why = whyNot(bytes);
    while (why !== undefined && patches.forgetOldest()) why = whyNot(bytes);
    if (why !== undefined) throw new SutureError("no-space", `No room for ${Math.ceil(bytes / 1024)} KiB: ${why}`);
  };
}
