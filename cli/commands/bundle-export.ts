import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { Name, Sha256 } from "../../protocol/wire/names.ts";
import { OfflinePlanAnswer, offlinePlanPath } from "../../protocol/wire/offline.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { at, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { writeBundleFile } from "../mirror/bundle-file.ts";
import { MirrorFolder } from "../mirror/folder.ts";
import { mirror } from "../mirror/mirror.ts";
import { signedIn } from "../session.ts";
import { sizeOf } from "../upload.ts";
import { customerOf } from "./mirror.ts";

type Options = GlobalOptions & {
  vendor: string[];
  group: string[];
  customer?: string;
  days: string;
  serviceRoot?: string;
};

export function bundleExport(group: Command, io: Io): void {
  group
    .command("export")
    .description("Write one file for hosts without a network: metadata, bundles and a plan for each group")
    .argument("<file>", "where to; its suffix is usually .bundle")
    .requiredOption("--vendor <names...>", "whose patches")
    .option("--group <names...>", "for the hosts of these groups", ["default"])
    .option("--customer <name>", "for whom (default: the customer whose token it is)")
    .option("--days <n>", "how long the plan is valid: 1 to 90", "30")
    .option("--service-root <sha256>", "the service's first root, as enrolment tokens name it")
    .addHelpText(
      "after",
      `
On the host: \`suture-agent config set offline_plans true\` once, then \`suture-agent import FILE\`. The signatures of the metadata
are good for 72 hours, so import the file within them; the plan keeps the host from being stale for as long as it is valid.

Example:
  $ suture bundle export globex.bundle --vendor acme --group default --days 60`,
    )
    .action(action(io, (options, file: string) => run(io, file, options as Options)));
}

async function run(io: Io, file: string, options: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const customer = await customerOf(client, options.customer);
  const days = Number(options.days);
  if (!Number.isInteger(days) || days < 1 || days > 90)
    throw new SutureError("invalid-request", `--days takes 1 to 90, not ${options.days}`);
  const serviceRoot =
    options.serviceRoot === undefined ? undefined : parseWith(Sha256, options.serviceRoot, "--service-root");
  const staging = await mkdtemp(join(tmpdir(), "suture-bundle-"));
  try {
    const folder = new MirrorFolder(staging);
    const progress = (line: string) => (io.watched ? io.err(`${line}\n`) : undefined);
    let left = 0;
    for (const each of options.vendor) {
      const vendor = parseWith(Name, each, "--vendor");
      left += (await mirror({ vendor, folder, customer, serviceRoot, client, now: io.now(), progress })).left;
    }
    const plans: Omit<OfflinePlanAnswer, "plan">[] = [];
    await folder.open();
    for (const each of options.group) {
      const group = parseWith(Name, each, "--group");
      const asked = client.api.customers[":customer"]["offline-plans"].$post({
        param: at({ customer }),
        json: { group, days },
      });
      const { plan, ...view } = await read(asked, OfflinePlanAnswer);
      await folder.write(offlinePlanPath(customer, group), Buffer.from(plan));
      plans.push(view);
    }
    await folder.close();
    const path = resolve(dirname(file), file.split("/").at(-1) ?? file);
    const { files, bytes } = await writeBundleFile(folder, path, io.now());
    return {
      json: { file: path, customer, files, bytes, plans },
      lines: [
        `${path}: ${files} files, ${sizeOf(bytes)}.`,
        ...plans.map(
          (each) => `  group ${each.group}: ${each.apply} to apply, ${each.undo} to undo, until ${each.expiresAt}`,
        ),
        ...plans.flatMap((each) =>
          each.heldBack.map(({ patch, because }) => `  not for ${each.group}: ${patch}: ${because}`),
        ),
      ],
      notes: left > 0 ? [`${left} bundles are in channels that ${customer} has no running subscription for.`] : [],
    };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
