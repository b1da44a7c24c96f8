import { scopeOf, type Ticket } from "../domain/ticket.ts";
import type { Rate } from "../domain/token-bucket.ts";
import { RateLimiter } from "../rate-limiter.ts";

/** How many requests a machine, and all machines of one tenant together, may send to one instance of the service. */
export type AgentLimits = { machine: Rate; tenant: Rate };
/** A machine polls once a minute at most; 180,000 that poll each quarter of an hour stay under the second. */
export const usualAgentLimits: AgentLimits = {
  machine: { perSecond: 2, burst: 120 },
  tenant: { perSecond: 200, burst: 6000 },
};

/** Holds machines and tenants to their rates; one tenant's flood leaves the others theirs. @throws SutureError `rate-limited` */
export class AgentGate {
  readonly #machines: RateLimiter;
  readonly #tenants: RateLimiter;

  /** @param now milliseconds since the epoch */
  constructor({ machine, tenant }: AgentLimits, now: () => number) {
    this.#machines = new RateLimiter(machine, now);
    this.#tenants = new RateLimiter(tenant, now);
  }

  /** A poll, by what its ticket says. */
  poll({ machine, scopes }: Ticket): void {
    this.machine(machine);
    this.#tenants.admit(scopes[0] ?? "", "this tenant");
  }

  /** A statement, once it is known who signed it. */
  machine(machine: string): void {
    this.#machines.admit(machine, "this machine");
  }

  /** A statement, once it is known whose machine that is. */
  tenant(customer: string): void {
    this.#tenants.admit(scopeOf.tenant(customer), "this tenant");
  }
}
