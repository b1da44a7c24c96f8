import { SutureError } from "../../protocol/errors.ts";
import { openMirror } from "../mirror/source.ts";
import { readEnrolment } from "../state/identity.ts";
import { readSettings, type Settings, settingsFile } from "../state/settings.ts";
import { nodeHttp } from "../system/http.ts";
import type { Result } from "./output.ts";

export type ConfigureOptions = { state: string; mirror?: string; offlinePlans?: string };

/** `suture-agent configure`: decides where this host's patches come from; without an option it says what is decided. */
export async function configure({ state, mirror, offlinePlans }: ConfigureOptions): Promise<Result> {
  readEnrolment(state);
  const before = readSettings(state);
  const settings: Settings = {
    mirror: mirror === undefined ? before.mirror : mirrorOf(mirror),
    offlinePlans: offlinePlans === undefined ? before.offlinePlans : isAllowed(offlinePlans),
  };
  if (mirror !== undefined || offlinePlans !== undefined) settingsFile(state).write(settings);
  return {
    json: settings,
    text: [
      `mirror         ${settings.mirror ?? "none"}`,
      `offline plans  ${settings.offlinePlans ? "taken" : "refused"}`,
    ].join("\n"),
  };
}

function mirrorOf(given: string): string | null {
  if (given === "none") return null;
  return openMirror(given, nodeHttp).location;
}

function isAllowed(given: string): boolean {
  if (given === "allow") return true;
  if (given === "refuse") return false;
  throw new SutureError("invalid-request", `--offline-plans takes allow or refuse, not ${given}`);
}
