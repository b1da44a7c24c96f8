import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { about } from "./about.ts";
import { runTool } from "./run.ts";
import { type Moment, scriptAt } from "./scripts.ts";
import { type Build, configFile, sortable } from "./tree.ts";

/** dpkg says why it calls a script; ours say what is to be done. */
const maintainerScripts: Readonly<Record<string, { moment: Moment; preamble: string }>> = {
  postinst: {
    moment: "after-install",
    preamble: '[ "$1" = configure ] || exit 0\nif [ -n "$2" ]; then set -- upgrade; else set -- install; fi',
  },
  prerm: { moment: "before-remove", preamble: '[ "$1" = remove ] || exit 0' },
  postrm: { moment: "after-purge", preamble: '[ "$1" = purge ] || exit 0' },
};

/**
 * What a package takes on a disk, in KiB: each file rounded up, and one for everything else, as dpkg-gencontrol counts.
 * @see https://www.debian.org/doc/debian-policy/ch-controlfields.html#installed-size
 */
async function installedKibibytes(tree: string): Promise<number> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter(({ parentPath }) => !parentPath.startsWith(join(tree, "DEBIAN")))
    .map(async (entry) =>
      entry.isFile() ? Math.ceil((await stat(join(entry.parentPath, entry.name))).size / 1024) : 1,
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Makes a Debian package of a tree.
 * @see https://www.debian.org/doc/debian-policy/ch-controlfields.html
 */
export async function makeDeb(tree: string, file: string, { version, architecture, epoch }: Build): Promise<void> {
  const meta = join(tree, "DEBIAN");
  await mkdir(meta);
  const fields = {
    Package: about.name,
    Version: sortable(version),
    Architecture: architecture.deb,
    Maintainer: about.maintainer,
    Homepage: about.homepage,
    "Installed-Size": String(await installedKibibytes(tree)),
    Section: "admin",
    Priority: "optional",
    Depends: "libc6 (>= 2.28), libstdc++6 (>= 8)",
    Recommends: "ca-certificates",
    Description: [about.summary, ...about.description].join("\n "),
  };
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  await writeFile(join(meta, "control"), control.join(""));
  await writeFile(join(meta, "conffiles"), `${configFile}\n`);
  for (const [name, { moment, preamble }] of Object.entries(maintainerScripts))
    await writeFile(join(meta, name), await scriptAt(moment, preamble), { mode: 0o755 });
  await runTool("chmod", ["-R", "u=rwX,go=rX", meta]);
  const same = ["--root-owner-group", "-Zxz", "-z1", "--threads-max=1"];
  await runTool("dpkg-deb", [...same, "--build", tree, file], { env: { SOURCE_DATE_EPOCH: String(epoch) } });
  await rm(meta, { recursive: true });
}
