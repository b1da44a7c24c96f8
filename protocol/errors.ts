/**
 * The closed set of problem codes, each with its HTTP status and a title that never varies.
 * Codes are part of the protocol: clients branch on them, so one is never renamed or given a second meaning.
 * @see RFC 9457, section 3.1
 */
export const problems = {
  // what was sent
  "invalid-request": [400, "The request does not fit its schema"],
  "invalid-patch": [400, "patch.json or a payload is not usable"],
  "invalid-metadata": [400, "The metadata is not valid TUF metadata"],
  "too-large": [413, "The body is larger than allowed"],
  "unsupported-media-type": [415, "The content type is not accepted here"],
  "not-found": [404, "There is no such thing, or it is not yours"],
  "method-not-allowed": [405, "The method is not allowed here"],
  conflict: [409, "Somebody else changed it first; read it again and retry"],
  "already-exists": [409, "It exists already"],
  "missing-blob": [409, "A bundle that the metadata names was not uploaded"],
  "precondition-failed": [412, "It is not what If-Match says; read it again and retry"],
  "no-evidence": [409, "Too few machines ran it well for long enough on an earlier channel"],
  // who sent it
  unauthorized: [401, "Sign-in or token is missing, wrong or expired"],
  forbidden: [403, "The role or scope does not allow this"],
  "token-used-up": [403, "The enrolment token has no uses left"],
  "token-expired": [403, "The token has expired"],
  retired: [403, "The machine was retired"],
  "bad-signature": [403, "The signature does not verify"],
  "counter-behind": [409, "The request counter was used before"],
  "clock-skew": [401, "The sender's clock is too far from the server's"],
  "rate-limited": [429, "Too many requests"],
  // what was received
  "untrusted-metadata": [422, "The repository's metadata does not verify"],
  "metadata-expired": [422, "The repository's metadata has expired"],
  "mirror-stale": [422, "The mirror is old: nothing in it is wrong, but it has expired"],
  "rollback-detected": [422, "The repository shows an older version than before"],
  "bundle-mismatch": [422, "The bundle is not the one that was signed"],
  recalled: [422, "A signed recall names the patch"],
  "vendor-stopped": [422, "The operator stopped the patch's vendor"],
  "wrong-machine": [422, "The plan is for another machine"],
  "plan-invalid": [422, "The plan's signature, time or answer does not fit"],
  // the host
  "not-enrolled": [400, "This host is not enrolled"],
  "already-enrolled": [409, "This host is enrolled already"],
  "busy-agent": [409, "Another agent works on this state directory"],
  "config-invalid": [400, "The agent's configuration cannot be used"],
  "state-damaged": [500, "The agent's state cannot be read"],
  "port-in-use": [409, "The port is in use"],
  "no-compiler": [400, "No C compiler was found"],
  "no-permission": [403, "The operating system does not permit it"],
  "no-space": [507, "The host's disk has no room for it"],
  // engines
  "not-applicable": [422, "The patch is for another target"],
  unsupported: [422, "The engine cannot work on this target"],
  blocked: [409, "The target was busy in the code to be replaced"],
  unhealthy: [409, "A health check of the host itself does not pass"],
  "engine-failed": [500, "The engine failed; the target is as it was"],
  "unknown-patch": [404, "This host has no such patch"],
  // the service
  unavailable: [503, "The service cannot answer now"],
  unreachable: [503, "The other side cannot be reached"],
  internal: [500, "The service failed"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

/** One code of the closed set. */
export type Code = keyof typeof problems;

/** What an error may carry beside its code: the sentence for a person, the cause, and members for a machine. */
type ErrorDetails = { cause?: unknown; data?: Readonly<Record<string, unknown>> };

/** The one error base: every refusal that a user or a peer can see is one of these. */
export class SutureError extends Error {
  override readonly name = "SutureError";
  readonly code: Code;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: Code, detail: string, { cause, data }: ErrorDetails = {}) {
    super(detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data ?? {};
  }

  /** The HTTP status that belongs to the code. */
  get status(): number {
    return problems[this.code][0];
  }
}

/** Whether `error` is a SutureError, of the given code where one is named. */
export function isSutureError(error: unknown, code?: Code): error is SutureError {
  return error instanceof SutureError && (code === undefined || error.code === code);
}

/** The sentence of anything thrown, with the causes behind it. A schema's own list of issues is not for people: `parseWith` tells it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const hasSentence = cause !== undefined && !(cause instanceof Error && cause.name.endsWith("ZodError"));
  // such as the one for a host with several addresses: it has no message of its own, and each of its errors has a reason
  const message = error instanceof AggregateError ? reasonsOf(error) : error.message;
  return hasSentence ? `${message}: ${describeError(cause)}` : message;
}

function reasonsOf({ message, errors }: AggregateError): string {
  return [...(message === "" ? [] : [message]), ...errors.map(describeError)].join("; ");
}
