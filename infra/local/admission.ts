/** What is worked on at once: requests, and bytes of their bodies, of which one alone has at most `largestBody`. */
export type Share = { requests: number; bodyBytes: number; largestBody: number };
export type ShareName = "agents" | "files" | "others";

const mebibyte = 1024 * 1024;
/**
 * Agents have a share of their own, so that nothing on a page or in a file keeps a host from its news. Bodies are held in memory before
 * anything in them can be checked: these bytes are what a stranger can make the process hold. Files go to disk as they come, by signed URLs.
 */
export const usualShares: Readonly<Record<ShareName, Share>> = {
  agents: { requests: 128, bodyBytes: 32 * mebibyte, largestBody: 2 * mebibyte },
  files: { requests: 64, bodyBytes: Number.POSITIVE_INFINITY, largestBody: 0 },
  others: { requests: 48, bodyBytes: 32 * mebibyte, largestBody: 4 * mebibyte },
};

/** Requests that one connection may have open: nearly no client sends the next one before the answer (RFC 9112, section 9.3.2). */
const usualPerConnection = 4;

/** A request before anything is done for it. */
export type Arrival = {
  /** its target, as it stands in the request line */
  path: string;
  connection: object;
  /** the other end's; undefined where it is this host's own, as behind a proxy */
  address: string | undefined;
  /** what its content-length says; undefined for a body whose length is not announced */
  bodyBytes: number | undefined;
};

/** What came of an arrival: it is let in until `leave` is called once, or refused because of its connection or of its share. */
export type Admitted = { leave: () => void } | { refused: "connection" | "share" };

type Use = { requests: number; bytes: number };

/**
 * Bounds what a server works on at once, overall, for an address and for a connection, without waiting for anything. One address has at
 * most half of a share, so that the rest is left to others.
 */
export class Admission {
  readonly #shares: Readonly<Record<ShareName, Share>>;
  readonly #perConnection: number;
  /** by share, and by share and address */
  readonly #uses = new Map<string, Use>();
  readonly #connections = new WeakMap<object, number>();

  constructor(shares: Readonly<Record<ShareName, Share>> = usualShares, perConnection = usualPerConnection) {
    this.#shares = shares;
    this.#perConnection = perConnection;
  }

  /** Lets a request in, or refuses it. */
  enter({ path, connection, address, bodyBytes }: Arrival): Admitted {
    const open = this.#connections.get(connection) ?? 0;
    if (open >= this.#perConnection) return { refused: "connection" };
    const name = shareOf(path);
    const share = this.#shares[name];
    // A route refuses a larger one before it has read more than this
    const bytes = Math.min(bodyBytes ?? share.largestBody, share.largestBody);
    const whole = { key: name, part: 1 };
    const counted = address === undefined ? [whole] : [whole, { key: `${name} ${address}`, part: 0.5 }];
    for (const { key, part } of counted) {
      const used = this.#uses.get(key) ?? { requests: 0, bytes: 0 };
      const isFull = used.requests + 1 > share.requests * part || used.bytes + bytes > share.bodyBytes * part;
      if (isFull) return { refused: "share" };
    }
    this.#connections.set(connection, open + 1);
    for (const { key } of counted) this.#add(key, 1, bytes);
    return {
      leave: () => {
        this.#connections.set(connection, (this.#connections.get(connection) ?? 1) - 1);
        for (const { key } of counted) this.#add(key, -1, -bytes);
      },
    };
  }

  #add(key: string, requests: number, bytes: number): void {
    const used = this.#uses.get(key) ?? { requests: 0, bytes: 0 };
    const next = { requests: used.requests + requests, bytes: used.bytes + bytes };
    if (next.requests === 0) this.#uses.delete(key);
    else this.#uses.set(key, next);
  }
}

function shareOf(path: string): ShareName {
  if (path.startsWith("/v1/agent/")) return "agents";
  return path.startsWith("/tuf/") || path.startsWith("/blobs/") ? "files" : "others";
}
