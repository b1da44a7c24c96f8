import { isSutureError } from "../../protocol/errors.ts";
import { mirrorPath } from "../../protocol/wire/mirror.ts";
import { isAway, type Service } from "../round/service.ts";
import type { Clock } from "../system/clock.ts";
import type { Source } from "./source.ts";

/** So long a service that could not be reached is not asked for public files again; milliseconds. */
const awayFor = 60_000;

/**
 * The service beside a mirror. Bundles come from the mirror first; public files from the service while it can be reached, so that a
 * mirror that lags behind is not taken for an older state shown on purpose.
 */
export function mirroredService(service: Service, source: Source, clock: Clock): Service {
  let awayUntil = Number.NEGATIVE_INFINITY;
  let usesMirror = false;

  async function fromService(repository: string, name: string, maxBytes: number) {
    const bytes = await service.publicFile(repository, name, maxBytes);
    usesMirror = false;
    return bytes;
  }

  return {
    ...service,
    async publicFile(repository, name, maxBytes) {
      if (clock.now() >= awayUntil) {
        try {
          return await fromService(repository, name, maxBytes);
        } catch (error) {
          if (!isAway(error)) throw error;
          awayUntil = clock.now() + awayFor;
        }
      }
      usesMirror = true;
      return await source.read(mirrorPath.metadata(repository, name), maxBytes);
    },
    usesMirror: () => usesMirror,
    async mirroredBundle(sha256, maxBytes) {
      try {
        return await source.read(mirrorPath.bundle(sha256), maxBytes);
      } catch (error) {
        // A mirror that cannot be read, or has something else, is no reason to go without the service's own
        if (isSutureError(error)) return undefined;
        throw error;
      }
    },
  };
}
