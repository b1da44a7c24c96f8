import { livePatch, takeNextVersion } from "./sample-patch.ts";
import { type Scene, until } from "./scene.ts";

/** Plays it for somebody who watches: the leak, the publication, the apply. Then it stays up. */
export async function runLive(scene: Scene): Promise<void> {
  const { stack, cast, sample, load, timeline } = scene;
  const published = await livePatch(stack.stores);
  timeline.step(
    (await load.leak())
      ? "asked for more than was sent, the server answers with its secret"
      : "asked for more than was sent, the server is silent already",
  );
  if (published === undefined) {
    const patch = await takeNextVersion(sample, stack.stores);
    scene.startAgent();
    await cast.publish(sample.folder);
    timeline.step(`the vendor published ${patch}`);
  } else {
    scene.startAgent();
    timeline.step(
      `${published} is published since an earlier run; the agent patches the new process from its own store`,
    );
  }
  await until("the leak is gone", async () => !(await load.leak()));
  const { requests, failed, closed } = load.stats();
  timeline.step(
    `the leak is gone; ${requests} replies checked, ${failed} failed, ${closed} connections closed, same process`,
  );
  timeline.step(`portal: ${stack.url}/   sign in by a click as one of the people there, or as a program would, with:`);
  timeline.note(await cast.portalToken());
  timeline.note(`API: ${stack.url}/docs`);
  timeline.note(`Operator's token for the suture command: ${scene.dataDir}/operator.token`);
  timeline.note(
    "Polls every second, for the demonstration; a subscriber's agent polls every 15 minutes. Ctrl-C stops everything.",
  );
}
