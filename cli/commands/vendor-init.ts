import type { Command } from "commander";
import { z } from "zod";
import { isSutureError } from "../../protocol/errors.ts";
import { NewApiToken } from "../../protocol/wire/account.ts";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { VendorCreated, VendorView } from "../../protocol/wire/vendor.ts";
import { delegateProduct } from "../ceremony/delegate-product.ts";
import { foundRoot } from "../ceremony/found-root.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { readPublicKeys } from "../ceremony/set-keys.ts";
import { at, read, serviceClient } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { loadOrCreateKey } from "../key-files.ts";
import { serviceOf, signedIn } from "../session.ts";
import { tenantParam } from "../tenant.ts";
import {
  keepToken,
  prepareFolder,
  rootKeyNames,
  type VendorFolder,
  type VendorOptions,
  vendorFolder,
} from "../vendor-folder.ts";

type Options = VendorOptions & { title?: string; product: string; rootKey?: string[]; threshold: string };

const rootThreshold = 2;
/** One person's signature is no ceremony. */
const Threshold = z.coerce.number().int().min(2).max(16);

export function vendorInit(group: Command, io: Io): void {
  group
    .command("init")
    .description("Let a vendor in: make its keys, sign its first root, delegate its first product")
    .argument("<name>", "the vendor's name: a-z, 0-9 and -")
    .requiredOption("--product <name>", "its first product")
    .option("--title <text>", "the name that people read")
    .option("--keys <folder>", "where the keys go (default: ~/.config/suture/NAME)")
    .option(
      "--root-key <files...>",
      "public root keys that several people made with `vendor key`; none is made here then",
    )
    .option("--threshold <n>", "how many of those must sign", "2")
    .addHelpText(
      "after",
      `
Takes an operator's token in SUTURE_TOKEN. The keys are made here and are sent nowhere. A run that
failed half-way is simply run again. With --root-key, the first root is a proposal that travels to those
people (\`vendor sign\`); once it is submitted, run this again to end it.

Examples:
  $ SUTURE_TOKEN=$(cat .suture/operator.token) suture vendor init acme --title Acme --product echod
  $ suture vendor init acme --product echod --root-key root-1.pub root-2.pub root-3.pub`,
    )
    .action(action(io, (options, name: string) => run(io, name, options as Options)));
}

async function run(io: Io, given: string, options: Options): Promise<Result> {
  const vendor = parseWith(Name, given, "vendor name");
  const product = parseWith(Name, options.product, "--product");
  const folder = vendorFolder(io, { keys: options.keys, vendor });
  const service = serviceOf(io, options);
  await prepareFolder(folder, { vendor, service });
  if (options.rootKey !== undefined)
    return await foundTogether(io, { vendor, product, folder, options }, options.rootKey);
  const root = await Promise.all(rootKeyNames.map((name) => loadOrCreateKey(folder.keyPath(name))));
  const targets = await loadOrCreateKey(folder.keyPath("targets"));
  const publishing = await loadOrCreateKey(folder.keyPath("publishing"));

  const { token, onlineKeys } = await admit(io, { vendor, title: options.title ?? vendor, folder, options });
  const client = serviceClient(service, token);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  await foundRoot(place, {
    root: root.map(({ key }) => key),
    threshold: rootThreshold,
    targets: { keys: [targets.key], threshold: 1 },
    online: onlineKeys,
  });
  await delegateProduct(place, product, publishing.key);
  const offline = [...rootKeyNames.map((name) => folder.keyPath(name)), folder.keyPath("targets")];
  return {
    json: { vendor, product, service, keys: folder.directory, moveOffline: offline },
    lines: [
      `${vendor} is a vendor of ${service}, with the product ${product}.`,
      `Its keys are in ${folder.directory}.`,
      "",
      "Move these to places that are not connected, each root key to another, and keep a copy of each:",
      ...offline.map((path) => `  ${path}`),
      "publishing.pem and publisher.token stay with whoever publishes:",
      `  suture publish DIR --vendor ${vendor}`,
    ],
  };
}

/** As `run`, where each root key is somebody else's. */
async function foundTogether(
  io: Io,
  { vendor, product, folder, options }: { vendor: string; product: string; folder: VendorFolder; options: Options },
  rootKeys: readonly string[],
): Promise<Result> {
  const root = await readPublicKeys(rootKeys);
  const threshold = parseWith(Threshold, options.threshold, "--threshold");
  const targets = await loadOrCreateKey(folder.keyPath("targets"));
  const publishing = await loadOrCreateKey(folder.keyPath("publishing"));
  const { token, onlineKeys: online } = await admit(io, { vendor, title: options.title ?? vendor, folder, options });
  const client = serviceClient(serviceOf(io, options), token);
  const first = { root, threshold, targets: { keys: [targets.key], threshold: 1 }, online };
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  const proposed = await foundRoot(place, first);
  if (proposed !== undefined) return proposed;
  await delegateProduct(place, product, publishing.key);
  return {
    json: { vendor, product, keys: folder.directory, moveOffline: [folder.keyPath("targets")] },
    lines: [`${vendor} can publish for ${product}.`, "", "Now:", "  [ ] take targets.pem offline"],
  };
}

type Admission = { vendor: string; title: string; folder: VendorFolder; options: Options };

/** Makes the vendor known to the service, or finds it there from an earlier run; keeps the publisher's token. */
async function admit(io: Io, { vendor, title, folder, options }: Admission) {
  const kept = await folder.token();
  if (kept !== undefined) {
    const client = serviceClient(serviceOf(io, options), kept);
    const { onlineKeys } = await read(client.api.vendors[":vendor"].$get({ param: at({ vendor }) }), VendorView);
    return { token: kept, onlineKeys };
  }
  const operator = await signedIn(io, options);
  try {
    const { token, onlineKeys } = await read(operator.api.vendors.$post({ json: { vendor, title } }), VendorCreated);
    await keepToken(folder, token);
    return { token, onlineKeys };
  } catch (error) {
    // An earlier run came this far, and its token was lost on the way
    if (!isSutureError(error, "already-exists")) throw error;
    const { onlineKeys } = await read(operator.api.vendors[":vendor"].$get({ param: at({ vendor }) }), VendorView);
    const made = operator.api[":tenants"][":tenant"]["api-tokens"].$post({
      param: tenantParam({ vendor }),
      json: { role: "publisher", label: "publisher" },
    });
    const { token } = await read(made, NewApiToken);
    await keepToken(folder, token);
    return { token, onlineKeys };
  }
}
