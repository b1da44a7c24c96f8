/** An address changes when a function is made again, which is rare; milliseconds. */
const fresh = 10 * 60_000;

/**
 * The address under which agents are to reach this function, read again every ten minutes. Where it cannot be read they are told
 * none, which sends them to the service's own name: nobody is turned away for that.
 * @param now milliseconds since the epoch
 */
export function ownAddress(read: () => Promise<string>, now: () => number): () => Promise<string | undefined> {
  let kept: { url: string | undefined; at: number } | undefined;
  return async () => {
    if (kept === undefined || now() - kept.at >= fresh) {
      const url = await read().catch((error: unknown) => {
        console.error(error);
        return undefined;
      });
      kept = { url, at: now() };
    }
    return kept.url;
  };
}
