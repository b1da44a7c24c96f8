import { join } from "node:path";
import { AllLimited } from "../../protocol/wire/limited.ts";
import type { Clock } from "../system/clock.ts";
import { cacheFile, type JsonFile } from "./json-file.ts";

const mostKept = 16;

/** What waits for one of this host's own limits. */
export type Limits = {
  note(limited: AllLimited[number]): void;
  /** those whose end is still to come */
  all(): AllLimited;
};

/** Where that is kept, for whoever asks on this host. */
export function limitsFile(directory: string): JsonFile<AllLimited> {
  return cacheFile(join(directory, "limits.json"), AllLimited);
}

/** The limits that a file keeps. */
export function limitsIn(file: JsonFile<AllLimited>, clock: Clock): Limits {
  const all = () => (file.read() ?? []).filter(({ until }) => until > clock.now() / 1000);
  return {
    all,
    note(limited) {
      const known = all();
      const same = known.find(({ limit, patch }) => limit === limited.limit && patch === limited.patch);
      if (same?.until === limited.until) return;
      file.write([limited, ...known.filter((each) => each !== same)].slice(0, mostKept));
    },
  };
}
