import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { GlobalOptions, Io } from "../io.ts";
import { signedIn } from "../session.ts";
import type { Place } from "./carry-out.ts";
import { serviceRepository } from "./repository.ts";

/** Options of the ceremonies of the service's own repository. */
export type KeysOptions = GlobalOptions & { keys: string; signer?: string };

/** Where an operator's ceremony happens: the service's own repository, and the folder with the keys at hand, which is made. */
export async function servicePlace(io: Io, options: KeysOptions): Promise<Place> {
  const directory = resolve(options.keys);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return { repository: serviceRepository(await signedIn(io, options)), directory, now: io.now() };
}
