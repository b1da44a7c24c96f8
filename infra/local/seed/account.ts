import { createHash } from "node:crypto";
import { Manifest } from "../../../protocol/wire/patch.ts";
import type { Stores } from "../stores.ts";

/** Whose fleet is seeded. */
export const customer = "northwind";
/** Who publishes what it runs, and the newest of it, which is still on its way. */
const vendor = "contoso";
export const newest = `${vendor}/tlsd/stable/handshake@3`;
const day = 86_400_000;

/** What runs on the seeded machines: each patch is for all builds of its product. `ago` is when it went live. */
export const products = [
  { name: "tlsd", path: "/usr/sbin/tlsd", builds: 3 },
  { name: "proxyd", path: "/usr/sbin/proxyd", builds: 2 },
  { name: "sqld", path: "/usr/lib/sqld/bin/sqld", builds: 2 },
  { name: "mailerd", path: "/usr/sbin/mailerd", builds: 1 },
] as const;
type Product = (typeof products)[number];

const published: readonly {
  product: Product["name"];
  patch: string;
  title: string;
  severity: Manifest["severity"];
  ago: number;
}[] = [
  { product: "tlsd", patch: "handshake@3", title: "tlsd accepts an empty certificate", severity: "critical", ago: 0.3 },
  { product: "tlsd", patch: "ticket@1", title: "tlsd keeps session tickets too long", severity: "low", ago: 62 },
  { product: "proxyd", patch: "smuggling@2", title: "proxyd takes two lengths for one", severity: "high", ago: 2 },
  { product: "proxyd", patch: "headers@1", title: "proxyd reads past a folded header", severity: "medium", ago: 41 },
  {
    product: "sqld",
    patch: "grants@4",
    title: "sqld forgets a revoked grant until a restart",
    severity: "high",
    ago: 9,
  },
  { product: "sqld", patch: "copy@1", title: "sqld copies from a freed buffer", severity: "critical", ago: 77 },
  { product: "mailerd", patch: "queue@1", title: "mailerd loops on its own bounce", severity: "medium", ago: 20 },
];
export const groups = ["build", "canary", "db", "edge", "mail", "office", "web"] as const;

/** The build id of a product's nth build. */
export function buildOf(product: Product["name"], nth: number): string {
  return digest(`${product} ${nth}`).slice(0, 40);
}

/**
 * Writes the account without its machines: subscriptions, patches, a policy that asks first, and who signs in.
 * @param now milliseconds since the epoch
 */
export async function writeAccount(
  stores: Stores,
  people: Readonly<Record<string, string>>,
  now: number,
): Promise<void> {
  await stores.customers.create({ customer, title: "Northwind", createdAt: now - 400 * day, groups: {} });
  for (const group of groups) await stores.customers.setGroup(customer, group, { mode: "auto" });
  for (const { name } of products) {
    const stream = `${vendor}/${name}/stable`;
    await stores.subscriptions.put({ customer, stream, seats: 1_000_000, endsAt: null, createdAt: now - 400 * day });
  }
  await stores.policies.put(customer, { name: "databases", group: "db", order: 10, policy: { apply: "report" } });
  for (const [at, { product, patch, title, severity, ago }] of published.entries()) {
    const manifest = manifestOf({ product, patch, title, severity, number: at + 1 });
    await stores.patches.put({
      id: `${vendor}/${product}/stable/${patch}`,
      manifest,
      manifestSha256: digest(patch),
      manifestLength: 1000,
      state: "live",
      liveAt: now - ago * day,
    });
  }
  for (const [user, role] of Object.entries(people)) {
    await stores.members.put({ tenant: `customer/${customer}`, user, role, joinedAt: now });
  }
}

type Published = Omit<(typeof published)[number], "ago"> & { number: number };

function manifestOf({ product, patch, title, severity, number }: Published): Manifest {
  const [name = "", version = ""] = patch.split("@");
  const builds = products.find((each) => each.name === product)?.builds ?? 0;
  return Manifest.parse({
    manifest: 1,
    product,
    channel: "stable",
    patch: name,
    version: Number(version),
    title,
    severity,
    cves: [`CVE-2026-${20_000 + number}`],
    variants: Array.from({ length: builds }, (_, nth) => ({
      engine: "elf",
      functions: [{ name: "answer", replacement: "answer_fixed" }],
      match: { buildId: buildOf(product, nth), arch: "x86_64" },
      bundle: {
        sha256: digest(`${patch} ${nth}`),
        size: 2048,
        encoding: "zstd",
        payload: { sha256: digest(`${patch} ${nth} raw`), size: 16_904 },
      },
    })),
  });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
