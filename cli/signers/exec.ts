import { spawn } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import { type Signer, tufKey } from "../../protocol/trust/signer.ts";

/** Long enough to find the token, type its PIN and touch it. */
const patienceMillis = 180_000;
const mostBytes = 64 * 1024;

/**
 * Signs with a program, which may ask a smart card, an HSM or a person. `PROGRAM public-key` prints the public key in PEM; `PROGRAM sign`
 * reads what is to be signed from its standard input and writes the ECDSA P-256 signature over SHA-256 of it, in DER, to its standard
 * output. Its standard error is the user's. What it answers is verified before it is used.
 * @throws SutureError `unavailable` where it cannot be run or fails; `bad-signature`, `invalid-metadata` for what is neither
 */
export async function execSigner(program: string): Promise<Signer> {
  const key = tufKey((await answerOf(program, "public-key")).toString("utf8"));
  const publicKey = createPublicKey(key.keyval.public);
  return {
    key,
    async sign(bytes) {
      const signature = await answerOf(program, "sign", bytes);
      if (verify("sha256", bytes, publicKey, signature)) return signature;
      throw new SutureError("bad-signature", `${program} sign answered no DER signature by its own key over its input`);
    },
  };
}

async function answerOf(program: string, verb: "public-key" | "sign", input: Uint8Array = new Uint8Array()) {
  return await new Promise<Buffer>((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new SutureError("unavailable", `${program} ${verb} ${why}`, { cause }));
    const child = spawn(program, [verb], { stdio: ["pipe", "pipe", "inherit"], timeout: patienceMillis });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostBytes) child.kill();
    });
    child.once("error", (error) => fail("cannot be run", error));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(chunks));
      else fail(size > mostBytes ? "answers too much" : `ended with ${signal ?? code}`);
    });
    // It may end without having read everything; its exit code tells
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
