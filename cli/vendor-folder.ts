import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { SutureError } from "../protocol/errors.ts";
import { ApiTokenText } from "../protocol/wire/account.ts";
import { Name } from "../protocol/wire/names.ts";
import { parseJson } from "../protocol/wire/parse.ts";
import type { GlobalOptions, Io } from "./io.ts";
import { readText, writeSecret } from "./key-files.ts";

/** Three root keys, of which two sign: losing one is not the end, and one thief is not enough. */
export const rootKeyNames = ["root-1", "root-2", "root-3"] as const;

const Profile = z.strictObject({ vendor: Name, service: z.string() });
export type Profile = z.infer<typeof Profile>;
export type VendorOptions = GlobalOptions & { vendor?: string; keys?: string };

/** A vendor's own folder: its keys, its publisher's token, and which vendor of which service it is. */
export type VendorFolder = {
  directory: string;
  keyPath(name: (typeof rootKeyNames)[number] | "targets" | "publishing"): string;
  profile(): Promise<Profile | undefined>;
  /** the publisher's API token; undefined where there is none. Throws `invalid-request` for a file that holds none */
  token(): Promise<string | undefined>;
};

/** The folder of a vendor: `--keys`, else by its name under the user's configuration. */
export function vendorFolder(io: Io, { keys, vendor }: { keys?: string | undefined; vendor: string }): VendorFolder {
  return at(keys === undefined ? join(configuration(io), vendor) : resolve(keys));
}

/**
 * The folder that a command without a vendor's name means: `--keys`, else `--vendor`, else the only vendor that there is.
 * @throws SutureError `invalid-request` when it cannot be told
 */
export async function chosenFolder(io: Io, { keys, vendor }: VendorOptions): Promise<VendorFolder> {
  if (keys !== undefined) return at(resolve(keys));
  if (vendor !== undefined) return vendorFolder(io, { vendor });
  const entries = await readdir(configuration(io), { withFileTypes: true }).catch(() => []);
  const [only, ...others] = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (only === undefined || others.length > 0) {
    const found = only === undefined ? "there is none" : `there are ${[only, ...others].join(", ")}`;
    throw new SutureError(
      "invalid-request",
      `Say which vendor with --vendor NAME or --keys DIR: in ${configuration(io)} ${found}`,
    );
  }
  return vendorFolder(io, { vendor: only });
}

/** Makes the folder, for its owner alone, and notes which vendor it is. */
export async function prepareFolder(folder: VendorFolder, profile: Profile): Promise<void> {
  await mkdir(folder.directory, { recursive: true, mode: 0o700 });
  const known = await folder.profile();
  if (known !== undefined && known.vendor !== profile.vendor) {
    throw new SutureError("conflict", `${folder.directory} holds the keys of the vendor ${known.vendor}`);
  }
  await writeSecret(join(folder.directory, "vendor.json"), `${JSON.stringify(profile, null, 2)}\n`);
}

/** Keeps a publisher's token beside the keys. */
export async function keepToken(folder: VendorFolder, token: string): Promise<void> {
  await writeSecret(tokenPath(folder.directory), `${token}\n`);
}

function at(directory: string): VendorFolder {
  return {
    directory,
    keyPath: (name) => join(directory, `${name}.pem`),
    async profile() {
      const path = join(directory, "vendor.json");
      const text = await readText(path);
      return text === undefined ? undefined : parseJson(Profile, text, path);
    },
    async token() {
      const text = (await readText(tokenPath(directory)))?.trim();
      if (text === undefined || ApiTokenText.safeParse(text).success) return text;
      throw new SutureError(
        "invalid-request",
        `${tokenPath(directory)} is damaged: it holds no API token, suture-api.SECRET. Restore it, or remove it and set SUTURE_TOKEN`,
      );
    },
  };
}

function tokenPath(directory: string): string {
  return join(directory, "publisher.token");
}

function configuration({ env, home }: Io): string {
  return join(env.XDG_CONFIG_HOME || join(home, ".config"), "suture");
}
