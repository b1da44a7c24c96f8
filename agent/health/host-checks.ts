import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { CheckCommand, CheckTimeout, TcpPort } from "../../protocol/wire/health-check.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { namesIn } from "../system/files.ts";
import { whyChangeable } from "../system/ownership.ts";
import { ifPresent, isSystemError } from "../system/proc.ts";

const common = {
  $schema: z.string().optional(),
  timeoutSeconds: CheckTimeout,
  /** how long a patch is watched at least because of this check */
  windowSeconds: z.number().int().min(0).max(3600).default(30),
};

/** One file of the host's own checks (docs/agent.md). */
const HostCheckFile = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("command"), command: CheckCommand, ...common }),
  z.strictObject({
    kind: z.literal("tcp"),
    host: z.string().min(1).max(253).default("127.0.0.1"),
    port: TcpPort,
    ...common,
  }),
  z.strictObject({ kind: z.literal("http"), url: z.url({ protocol: /^https?$/ }).max(2000), ...common }),
]);

/** A check that the host's administrator wants to pass before a patch and after it, named after its file. */
export type HostCheck = z.infer<typeof HostCheckFile> & { name: string };

/** The host's own checks as they stand, and the files that are not to be trusted or make no sense, with why. */
export type HostChecks = { checks: HostCheck[]; refused: { file: string; reason: string }[] };

/**
 * Reads the host's own checks, `NAME.json` each in a folder; none where there is no folder. They run as this agent does, so a file or
 * folder that somebody else than root can change counts for nothing but its refusal.
 */
export function readHostChecks(folder: string): HostChecks {
  const found: HostChecks = { checks: [], refused: [] };
  const own = ifPresent(() => statSync(folder));
  if (own === undefined) return found;
  const changeable = whyChangeable(own);
  if (changeable !== undefined) return { checks: [], refused: [{ file: folder, reason: changeable }] };
  for (const name of namesIn(folder, ".json")) {
    const file = join(folder, name);
    try {
      found.checks.push({ ...readCheck(file), name: name.slice(0, -".json".length) });
    } catch (error) {
      found.refused.push({ file, reason: describeError(error) });
    }
  }
  return found;
}

/** Throws `invalid-request` with the reason. What is looked at is what is read: nothing can be swapped between. */
function readCheck(path: string): z.infer<typeof HostCheckFile> {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (isSystemError(cause, "ELOOP")) throw new SutureError("invalid-request", "it is a symbolic link", { cause });
    throw cause;
  }
  try {
    const status = fstatSync(file);
    const reason = status.isFile() ? whyChangeable(status) : "it is no regular file";
    if (reason !== undefined) throw new SutureError("invalid-request", reason);
    return parseJson(HostCheckFile, readFileSync(file, "utf8"), path, "invalid-request");
  } finally {
    closeSync(file);
  }
}
