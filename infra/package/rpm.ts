import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { about } from "./about.ts";
import { runTool } from "./run.ts";
import { type Moment, scriptAt } from "./scripts.ts";
import { type Build, configFile, sortable } from "./tree.ts";

/** rpm counts the versions that are installed once the script is through. It has no purge: what the host made stays. */
const scriptlets: Readonly<Record<string, { moment: Moment; preamble: string }>> = {
  post: {
    moment: "after-install",
    preamble: 'if [ "$1" -gt 1 ]; then set -- upgrade; else set -- install; fi',
  },
  preun: { moment: "before-remove", preamble: '[ "$1" -eq 0 ] || exit 0' },
};

const ownFolders = [
  "etc/suture",
  "usr/lib/suture-agent",
  "usr/share/doc/suture-agent",
  "usr/share/bash-completion",
  "usr/share/fish",
  "usr/share/zsh",
];

/** Nothing of what is packed is the builder's to change, look into, or put its own name and hour on. */
const macros = (work: string, epoch: number) => ({
  _topdir: work,
  _rpmdir: join(work, "rpms"),
  _build_id_links: "none",
  __os_install_post: "%{nil}",
  debug_package: "%{nil}",
  _binary_payload: "w1.xzdio",
  _buildhost: "reproducible",
  use_source_date_epoch_as_buildtime: "1",
  clamp_mtime_to_source_date_epoch: "1",
  source_date_epoch: String(epoch),
});

/**
 * Makes an RPM package of a tree.
 * @see https://rpm-software-management.github.io/rpm/manual/spec.html
 */
export async function makeRpm(tree: string, file: string, { version, architecture, epoch }: Build): Promise<void> {
  const work = `${file}.work`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const spec = join(work, "suture-agent.spec");
  await writeFile(spec, await specOf(tree, version));
  const defines = Object.entries(macros(work, epoch)).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
  await runTool("rpmbuild", ["-bb", "--quiet", "--target", `${architecture.rpm}-linux`, ...defines, spec], {
    env: { SOURCE_DATE_EPOCH: String(epoch) },
  });
  await cp(join(work, "rpms", architecture.rpm, basename(file)), file);
  await rm(work, { recursive: true });
}

async function specOf(tree: string, version: string): Promise<string> {
  const listed = await runTool("find", [tree, "!", "-type", "d", "-printf", "/%P\n"]);
  // Folders that are gone with the package; others it shares
  const own = await runTool("find", [
    ...ownFolders.map((folder) => join(tree, folder)),
    "-type",
    "d",
    "-printf",
    "%p\\n",
  ]);
  const files = [
    ...listed.split("\n"),
    ...own.split("\n").map((folder) => folder && `%dir ${folder.slice(tree.length)}`),
  ]
    .filter((line) => line !== "")
    .sort();
  const scripts = await Promise.all(
    Object.entries(scriptlets).map(
      async ([name, { moment, preamble }]) => `%${name}\n${await scriptAt(moment, preamble)}`,
    ),
  );
  return [
    `Name: ${about.name}`,
    `Version: ${sortable(version)}`,
    "Release: 1",
    `Summary: ${about.summary}`,
    `License: ${about.license}`,
    `URL: ${about.homepage}`,
    "AutoReqProv: no",
    "Requires: glibc >= 2.28, libstdc++ >= 8",
    "%description",
    ...about.description,
    "%install",
    `mkdir -p %{buildroot} && cp -a ${tree}/. %{buildroot}/`,
    "%files",
    ...files
      .map((line) => (line === configFile ? `%config(noreplace) ${line}` : line))
      .map((line) => `%attr(-, root, root) ${line}`),
    ...scripts,
    "",
  ].join("\n");
}
