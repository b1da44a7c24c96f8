import { SutureError } from "../../protocol/errors.ts";
import type { Principal } from "../../protocol/wire/account.ts";
import type { Rate } from "../domain/token-bucket.ts";
import { RateLimiter } from "../rate-limiter.ts";

/** How many pages a session, and all sessions of one tenant together, may ask of one instance; and how many are made for a tenant at once. */
export type PageLimits = { session: Rate; tenant: Rate; atOnce: number };
/** Sixty open pages that ask again every three seconds stay under the second. */
export const usualPageLimits: PageLimits = {
  session: { perSecond: 5, burst: 300 },
  tenant: { perSecond: 20, burst: 1200 },
  atOnce: 16,
};

/** Holds sessions and tenants to their share of the pages, in memory (ADR 25): one tenant leaves the others theirs. */
export class PageGate {
  readonly #sessions: RateLimiter;
  readonly #tenants: RateLimiter;
  readonly #atOnce: number;
  /** pages that are being made, by tenant */
  readonly #open = new Map<string, number>();

  /** @param now milliseconds since the epoch */
  constructor({ session, tenant, atOnce }: PageLimits, now: () => number) {
    this.#sessions = new RateLimiter(session, now);
    this.#tenants = new RateLimiter(tenant, now);
    this.#atOnce = atOnce;
  }

  /** Counts a request of a session. @param token the hash of its token @throws SutureError `rate-limited` */
  session(token: string): void {
    this.#sessions.admit(token, "this session");
  }

  /** Counts a request of a tenant, and makes its page. @throws SutureError `rate-limited`; whatever `make` throws */
  async tenant({ kind, tenant }: Pick<Principal, "kind" | "tenant">, make: () => Promise<void>): Promise<void> {
    const name = `${kind}/${tenant}`;
    const open = this.#open.get(name) ?? 0;
    if (open >= this.#atOnce) {
      throw new SutureError("rate-limited", "Too many pages of this tenant at once", { data: { retryAfter: 1 } });
    }
    this.#tenants.admit(name, "this tenant");
    this.#open.set(name, open + 1);
    try {
      await make();
    } finally {
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left === 0) this.#open.delete(name);
      else this.#open.set(name, left);
    }
  }
}
