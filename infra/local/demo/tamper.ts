import { mkdtemp, open } from "node:fs/promises";
import { join } from "node:path";
import { SutureError } from "../../../protocol/errors.ts";
import { verifyReceipt } from "../../../protocol/trust/receipt.ts";
import type { Stack } from "../stack.ts";
import type { Cast } from "./cast.ts";
import { runProgram } from "./programs.ts";
import { until } from "./scene.ts";
import { textDigest } from "./text.ts";

/**
 * Changes one byte of a patch's bundle in the blob store, lets an agent with empty state try to apply it, and puts the byte back.
 * @returns whether the agent refused for that very reason and the target's text stayed the same, byte for byte
 */
export async function tamperedIsRefused(
  patchId: string,
  {
    stack,
    cast,
    dataDir,
    target,
  }: {
    stack: Pick<Stack, "url" | "token" | "stores">;
    cast: Cast;
    dataDir: string;
    target: { pid: number; binary: string };
  },
): Promise<boolean> {
  const patch = await stack.stores.patches.get(patchId);
  const bundle = patch?.manifest.variants[0]?.bundle;
  if (bundle === undefined) throw new SutureError("internal", `${patchId} has no bundle`);
  const stateDir = await mkdtemp(join(dataDir, "second-agent-"));
  const machine = await cast.enrol(stateDir);
  const before = await textDigest(target.pid, target.binary);

  const restore = await flipByte(join(dataDir, "blobs/bundles", bundle.sha256), Math.floor(bundle.size / 2));
  try {
    // A plan may have been made in the moment before the service knew of the patch; a later one was not
    await until("the second agent has met the bundle", async () => {
      await runProgram("agent/main.ts", ["once", "--check-in", "--state", stateDir, "--json"]).catch(
        (error: unknown) => {
          // The agent exits non-zero: a refusal is no success. What counts is its receipt
          if (!(error instanceof SutureError)) throw error;
        },
      );
      return (await stack.stores.receipts.count(machine)) > 0;
    });
  } finally {
    await restore();
  }
  const known = await stack.stores.machines.get(machine);
  if (known === undefined) throw new SutureError("internal", `${machine} is not enrolled`);
  const receipts = await stack.stores.receipts.listByMachine(machine, { limit: 10 });
  const refused = receipts.items.some(({ receipt }) => {
    const { patch: of, code, evidence } = verifyReceipt(receipt, known.publicKey);
    return of === patchId && code === "stalled" && evidence.refused === "bundle-mismatch";
  });
  return refused && (await textDigest(target.pid, target.binary)) === before;
}

async function flipByte(path: string, position: number): Promise<() => Promise<void>> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  const original = byte[0] ?? 0;
  await file.write(Buffer.from([original ^ 0x01]), 0, 1, position);
  return async () => {
    await file.write(Buffer.from([original]), 0, 1, position);
    await file.close();
  };
}
