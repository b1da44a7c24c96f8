import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import { runLive } from "./demo/run-live.ts";
import { runOnce } from "./demo/run-once.ts";
import { type Scene, setScene } from "./demo/scene.ts";
import { startTimeline } from "./demo/timeline.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { type Stack, startStack } from "./stack.ts";
import { requireTracing } from "./tracing.ts";

/** What stops when this process does, the newest first. */
const running: { stop(): Promise<void> }[] = [];

async function main(options: Options): Promise<number> {
  const dataDir = resolve(options.dataDir);
  if (options.reset) await rm(dataDir, { recursive: true, force: true });
  await requireTracing();
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const timeline = startTimeline(Date.now, write);
  const stack: Stack = await startStack({
    dataDir,
    port: options.port,
    pollSeconds: 1,
    log: (line) => timeline.note(line),
  });
  running.unshift(stack);
  timeline.step(`the service answers on ${stack.url}; its data is in ${dataDir}`);
  const scene: Scene = await setScene(stack, dataDir, timeline);
  running.unshift(scene);
  if (!options.once) {
    await runLive(scene);
    return await new Promise<number>(() => undefined);
  }
  const verdict = await runOnce(scene);
  await stopAll();
  timeline.step(verdict.ok ? "everything held" : "something did NOT hold");
  write(options.json ? JSON.stringify(verdict) : JSON.stringify(verdict, null, 2));
  return verdict.ok ? 0 : 1;
}

async function stopAll(): Promise<void> {
  for (const part of running.splice(0)) await part.stop();
}

/** Stops everything once, however often it is asked. */
function onSignal(code: number): () => void {
  return () => {
    process.stdout.write("\nstopping …\n");
    stopAll().then(
      () => process.exit(code),
      (error: unknown) => fail(error),
    );
  };
}

function fail(error: unknown): void {
  const known = isSutureError(error) ? error : new SutureError("internal", describeError(error), { cause: error });
  process.stderr.write(`error: ${known.message} (${known.code})\n`);
  if (!isSutureError(error) && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  process.exitCode = 1;
}

process.once("SIGINT", onSignal(130));
process.once("SIGTERM", onSignal(143));
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(`${usage}\n`);
  else process.exitCode = await main(options);
} catch (error) {
  fail(error);
  await stopAll();
  process.exit(1);
}
