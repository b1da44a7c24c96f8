import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const cache = resolve(import.meta.dirname, "../../.cache/real");
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const mirror = process.env.SUTURE_DEBIAN_MIRROR ?? "http://deb.debian.org/debian";

/**
 * The upstream source of a Debian 12 package, unpacked into an empty folder: fetched once by apt, with lists of its own, so that nothing
 * of this machine's configuration changes. Throws with what apt said where it cannot be had.
 */
export function unpackSource(name: string, into: string): void {
  const folder = join(cache, name);
  if (!existsSync(folder)) fetchSource(name, folder);
  const archive = readdirSync(folder).find((file) => /\.orig\.tar\.\w+$/.test(file));
  if (archive === undefined) throw new Error(`${folder} holds no upstream archive`);
  mkdirSync(into, { recursive: true });
  run("tar", ["-xf", join(folder, archive), "--strip-components=1", "-C", into], into);
}

function fetchSource(name: string, folder: string): void {
  const passing = `${folder}.part`;
  rmSync(passing, { recursive: true, force: true });
  const lists = join(cache, "lists");
  for (const each of [passing, join(lists, "partial")]) mkdirSync(each, { recursive: true });
  const list = join(cache, "sources.list");
  writeFileSync(list, `deb-src [signed-by=${keyring}] ${mirror} bookworm main\n`);
  const own = [`Dir::Etc::sourcelist=${list}`, "Dir::Etc::sourceparts=-", `Dir::State::lists=${lists}`];
  const options = own.flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "update"], passing);
  run("apt-get", [...options, "source", "--download-only", name], passing);
  renameSync(passing, folder);
}

/** Takes a fix out of a source file, or puts it in. Throws where the file is not as it was expected. */
export function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${path} does not hold the text to be changed once`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
}

/** Runs a command. Throws with its last words. */
export function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (cause) {
    const words = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim().slice(-2000) : "";
    throw new Error(`${command} ${args.join(" ")} failed: ${words}`, { cause });
  }
}
