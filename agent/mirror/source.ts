import { open, realpath } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { withoutSecrets } from "../config/secrets.ts";
import { meansAbsent } from "../round/service.ts";
import type { Http } from "../system/http.ts";
import { isSystemError } from "../system/proc.ts";

const timeout = 600_000;

/** Somewhere else that the service's public files and bundles can be read: a mirror by its address, a folder, a file carried by hand. */
export type Source = {
  /** as a person named it */
  location: string;
  /**
   * A file by its path in a mirror (protocol/wire/mirror.ts); undefined where there is none. Nothing of it is trusted.
   * Throws `too-large` past `maxBytes`, `unreachable`.
   */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
};

/** Opens a mirror: an http or https address, or a folder by its whole path. Throws `invalid-request` for anything else. */
export function openMirror(location: string, http: Http): Source {
  if (/^https?:\/\//.test(location) && URL.canParse(location)) return addressSource(location, http);
  if (isAbsolute(location)) return folderSource(location);
  throw new SutureError("invalid-request", `${location} is neither an http address nor the whole path of a folder`);
}

function addressSource(location: string, http: Http): Source {
  const base = location.endsWith("/") ? location : `${location}/`;
  const shown = withoutSecrets(location);
  return {
    location: shown,
    async read(path, maxBytes) {
      const response = await http({ method: "GET", url: new URL(path, base).href, maxBytes, timeout });
      if (response.status === 200) return response.body;
      if (meansAbsent(response.status, path)) return undefined;
      throw new SutureError("unreachable", `The mirror ${shown} answered ${response.status}`);
    },
  };
}

function folderSource(location: string): Source {
  return {
    location,
    async read(path, maxBytes) {
      const root = await present(realpath(location));
      if (root === undefined) throw new SutureError("unreachable", `The mirror ${location} is not there`);
      const file = await present(open(join(root, path)));
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        if (size > maxBytes) throw new SutureError("too-large", `${path} is longer than ${maxBytes} bytes`);
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
  };
}

async function present<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
