import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { customer, newest } from "../infra/local/seed/account.ts";
import { seedDatabase } from "../infra/local/seed/seed.ts";
import { startPortal, type TestPortal } from "../test/support/portal.ts";
import { type Figure, median } from "./figure.ts";

const fleets = { large: 100_000, small: 1000 };
const rounds = 25;
const origin = "http://portal.bench";
const goal = "goal < 100 ms, < 60 KB on the way";

type Site = { portal: TestPortal; cookie: string; paths: Record<string, string> };
type Answer = { millis: number; bytes: number; next: string | undefined };

/**
 * The pages of a customer with 100,000 machines over the embedded database, each in turn with the same page of one with 1,000: what
 * does not grow with the fleet has the ratio 1. Milliseconds from the request to the last byte, in the process that answers it.
 */
export async function portalFigures(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const sites: Site[] = [];
  try {
    for (const [name, machines] of Object.entries(fleets)) {
      sites.push(await openSite(join(folder, `${name}.db`), machines));
    }
    const [large, small] = sites;
    if (large === undefined || small === undefined) throw new RangeError("there are two fleets");
    const figures: Figure[] = [];
    for (const name of Object.keys(large.paths)) figures.push(...(await pageFigures(name, large, small)));
    figures.push(await fileFigure(large, small));
    return figures;
  } finally {
    for (const { portal } of sites) await portal.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function pageFigures(name: string, large: Site, small: Site): Promise<Figure[]> {
  const times = { large: [] as number[], small: [] as number[] };
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const answer = await ask(large, large.paths[name] ?? "");
    times.large.push(answer.millis);
    times.small.push((await ask(small, small.paths[name] ?? "")).millis);
    ({ bytes } = answer);
  }
  const [value, versus] = [median(times.large), median(times.small)];
  return [
    {
      name: `portal.${name}.ms`,
      value: oneDigit(value),
      unit: "ms",
      versus: "the same with 1,000 machines",
      ratio: oneDigit(value / versus),
      anchor: goal,
    },
    { name: `portal.${name}.kb`, value: oneDigit(bytes / 1000), unit: "KB", versus: "", ratio: null, anchor: goal },
  ];
}

/** The whole list as a file: what grows with the fleet must grow no faster. */
async function fileFigure(large: Site, small: Site): Promise<Figure> {
  const [whole, part] = [await askAll(large, "/machines.csv"), await askAll(small, "/machines.csv")];
  return {
    name: "portal.machinesCsv.ms",
    value: Math.round(whole.millis),
    unit: "ms",
    versus: "the same with 1,000 machines",
    ratio: oneDigit(whole.millis / part.millis),
    anchor: "goal <= 100, the ratio of the fleets",
  };
}

async function openSite(dataFile: string, machines: number): Promise<Site> {
  await seedDatabase({ machines, dataFile, people: {}, now: Date.now() });
  const portal = await startPortal({ now: () => new Date(), dataFile });
  const token = await portal.token({ kind: "customer", tenant: customer, role: "owner" });
  const answer = await portal.app.request(`${origin}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin },
  });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { fleet } = portal.stores;
  const late = await fleet.list(customer, { begins: "web-" }, { limit: 50 });
  const patched = await fleet.machinesOf(customer, newest, { limit: 50 });
  const paths = {
    overview: "/",
    machines: "/machines",
    machinesFiltered: "/machines?state=failing",
    machinesFilteredTwice: "/machines?exposed=critical&group=db",
    machinesSorted: "/machines?by=seen",
    machinesSearched: "/machines?q=web-00",
    machinesLate: `/machines?cursor=${encodeURIComponent(late.cursor ?? "")}`,
    machine: `/machines/${late.items[0]?.machine}`,
    patches: "/patches",
    patch: `/patches/${newest}`,
    patchLate: `/patches/${newest}?cursor=${encodeURIComponent(patched.cursor ?? "")}`,
    report: "/report",
  };
  return { portal, cookie, paths };
}

/** A file and the parts that it goes on with. */
async function askAll(site: Site, path: string): Promise<{ millis: number }> {
  let millis = 0;
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer: Answer = await ask(site, next);
    millis += answer.millis;
    ({ next } = answer);
  }
  return { millis };
}

async function ask({ portal, cookie }: Site, path: string): Promise<Answer> {
  const begun = performance.now();
  const answer = await portal.app.request(origin + path, {
    headers: { cookie, accept: "text/html", "accept-encoding": "gzip" },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const millis = performance.now() - begun;
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}: ${gunzipSync(bytes).toString()}`);
  const [, next] = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "") ?? [];
  return { millis, bytes: bytes.length, next };
}

function oneDigit(value: number): number {
  return Math.round(value * 10) / 10;
}
