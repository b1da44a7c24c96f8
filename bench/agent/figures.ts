import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gatherCast } from "../../infra/local/demo/cast.ts";
import { startStack } from "../../infra/local/stack.ts";
import type { Figure } from "../figure.ts";
import { releaseIn, sizeFigures } from "./release.ts";
import { residentFigures } from "./resident.ts";
import { timerFigures } from "./timer.ts";

/**
 * What a release of the agent costs a host, beside bare Node on the same machine: while it stays and hears that nothing is new, as a
 * timer's program, and on the disk. Throws where no namespace can be made.
 */
export async function agentFigures(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const stack = await startStack({ dataDir: join(folder, "service"), port: 0, pollSeconds: 60, log: () => undefined });
  try {
    const [state, other] = [join(folder, "agent"), join(folder, "other")];
    const cast = await gatherCast(stack, folder);
    await cast.enrol(state);
    await cast.enrol(other);
    const release = await releaseIn(join(folder, "release"));
    return [
      ...(await residentFigures(release, state)),
      ...(await timerFigures(release, state, other)),
      ...(await sizeFigures(release)),
    ];
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true });
  }
}
