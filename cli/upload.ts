import { setTimeout as sleep } from "node:timers/promises";
import { isSutureError, SutureError } from "../protocol/errors.ts";
import { fromProblem } from "../protocol/wire/problem.ts";
import { UploadsAnswer } from "../protocol/wire/vendor.ts";
import { at, type Client, read, send } from "./client.ts";
import type { Io } from "./io.ts";
import type { BundleFile } from "./patch-folder.ts";

const chunkBytes = 64 * 1024;
const tries = 3;
/** The largest bundle over a slow line. */
const timeoutMillis = 3_600_000;

type Upload = Extract<UploadsAnswer["uploads"][number], { present: false }>;

/**
 * Uploads the bundles that the service does not have yet, with progress where a person watches.
 * @returns how many were sent
 * @throws SutureError the service's refusals; `unreachable`
 */
export async function uploadMissing(
  client: Client,
  vendor: string,
  bundles: readonly BundleFile[],
  io: Pick<Io, "watched" | "err">,
): Promise<number> {
  const answer = await read(
    client.api.vendors[":vendor"].uploads.$post({
      param: at({ vendor }),
      json: { bundles: bundles.map(({ sha256, bytes }) => ({ sha256, size: bytes.length })) },
    }),
    UploadsAnswer,
  );
  return await upload(answer, bundles, io);
}

/** Uploads what the service says that it lacks. @returns how many were sent. @throws SutureError as `uploadMissing` */
export async function upload(
  { uploads }: UploadsAnswer,
  files: readonly BundleFile[],
  io: Pick<Io, "watched" | "err">,
): Promise<number> {
  let sent = 0;
  for (const each of uploads) {
    const file = files.find(({ sha256 }) => sha256 === each.sha256);
    if (each.present || file === undefined) continue;
    await putPatiently(each, file.bytes, progress(file, io));
    sent++;
  }
  return sent;
}

async function putPatiently(upload: Upload, bytes: Uint8Array, show: (sent: number) => void): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await put(upload, bytes, show);
    } catch (error) {
      const passing = isSutureError(error, "unreachable") || isSutureError(error, "unavailable");
      if (!passing || attempt === tries) throw error;
      await sleep(500 * attempt);
    }
  }
}

async function put({ url, method, headers }: Upload, bytes: Uint8Array, show: (sent: number) => void): Promise<void> {
  const response = await send(url, {
    method,
    // With its length, since a store takes no upload in chunks of unknown sum
    headers: { ...headers, "content-length": String(bytes.length) },
    body: chunks(bytes, show),
    duplex: "half",
    signal: AbortSignal.timeout(timeoutMillis),
  });
  const answer = await response.text();
  // Somebody else put the same bytes there meanwhile: 409 of our own store, 412 of S3
  if (response.ok || response.status === 409 || response.status === 412) return;
  throw (
    problemIn(answer) ??
    new SutureError(
      response.status >= 500 ? "unavailable" : "forbidden",
      `The upload was answered with ${response.status}`,
    )
  );
}

function problemIn(text: string): SutureError | undefined {
  try {
    return fromProblem(JSON.parse(text));
  } catch {
    // S3 answers in XML; the status says enough
    return undefined;
  }
}

function chunks(bytes: Uint8Array, show: (sent: number) => void): ReadableStream<Uint8Array> {
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = bytes.subarray(start, start + chunkBytes);
      start += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      if (start >= bytes.length) controller.close();
      show(start);
    },
  });
}

function progress(
  { payload, bytes }: BundleFile,
  { watched, err }: Pick<Io, "watched" | "err">,
): (sent: number) => void {
  if (!watched) return () => undefined;
  let last = -1;
  return (sent) => {
    const percent = Math.floor((100 * sent) / bytes.length);
    if (percent === last) return;
    last = percent;
    const end = sent >= bytes.length ? "\n" : "";
    err(`\r${payload}  ${String(percent).padStart(3)} % of ${sizeOf(bytes.length)}${end}`);
  };
}

/** A number of bytes for people. */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
