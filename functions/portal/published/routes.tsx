import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { SutureError } from "../../../protocol/errors.ts";
import { RecallView } from "../../../protocol/wire/recalls.ts";
import { PatchHoldView } from "../../../protocol/wire/rollout.ts";
import { PatchDetail, PatchList, type PatchView } from "../../../protocol/wire/vendor.ts";
import type { Blobs } from "../../stores/blobs/blobs.ts";
import { answerCsv, answerLive, answerPage } from "../answer.tsx";
import { attempt, formLimit, readForm } from "../form.ts";
import { hrefWith } from "../parts/data-table.tsx";
import { everyPage, may, pageQuery, type Service, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { type HoldState, type Published, PublishedPage, publishedCsv, publishedHref } from "./list.tsx";
import { PublishedPatchPage } from "./patch.tsx";
import { AcceptedPage, PublishPage } from "./publish.tsx";
import { publishUpload, type Upload } from "./upload.ts";

type Deps = ServiceDeps & { blobs: Blobs };

/** What a function takes at once (docs/adr/0048); the command sends larger bundles. Bytes. */
const maxUpload = 4 * 1024 * 1024;
const uploadLimit = bodyLimit({
  maxSize: maxUpload,
  onError: (c) =>
    attempt(
      () => Promise.reject(new SutureError("too-large", texts.publish.tooLarge)),
      (refusal) => ask(c, refusal.message),
    ),
});

export function publishedRoutes(app: Hono, deps: Deps): void {
  const vendors = only(["vendor"], deps);
  const path = "/published/:product/:channel/:patch";

  app.get("/published", vendors, async (c) => {
    const service = serviceOf(c, deps);
    const query = hrefWith("/patches", { limit: "50", ...pageQuery(c) });
    const { patches, cursor } = await service.call("GET", tenantPath(c, query), PatchList);
    const shown = {
      patches: await withHolds(service, patches),
      only: holdIn(c.req.query("hold")),
      mayPublish: mayPublish(c),
      next: cursor,
    };
    return answerLive(c, {
      title: texts.published.title,
      page: <PublishedPage {...shown} now={deps.now().getTime()} />,
    });
  });

  app.get("/published.csv", vendors, async (c) => {
    const service = serviceOf(c, deps);
    const patches = await everyPage(async (query) => {
      const answer = await service.call("GET", tenantPath(c, `/patches${query}`), PatchList);
      return { items: answer.patches, cursor: answer.cursor };
    });
    return answerCsv(c, "patches", publishedCsv(await withHolds(service, patches)));
  });

  app.get(path, vendors, (c) => show(c));

  app.post(path, vendors, formLimit, async (c) => {
    const form = await readForm(c);
    const body = { held: form.text("held") === "yes", answer: form.text("answer") ?? "" };
    return await attempt(
      async () => {
        await serviceOf(c, deps).call("PUT", tenantPath(c, `${patchIn(c)}/hold`), PatchHoldView, body);
        return c.redirect(c.req.path, 303);
      },
      (refusal) => show(c, refusal.message),
    );
  });

  app.get("/publish", vendors, (c) => ask(c));

  app.post("/publish", vendors, uploadLimit, async (c) =>
    attempt(
      async () => {
        const service = serviceOf(c, deps);
        const accepted = await publishUpload(tenantOf(c), await readUpload(c), { service, blobs: deps.blobs });
        return answerPage(c, { title: texts.publish.done, page: <AcceptedPage accepted={accepted} /> });
      },
      (refusal) => ask(c, refusal.message),
    ),
  );

  async function show(c: Context, refusal?: string) {
    const service = serviceOf(c, deps);
    const of = tenantPath(c, patchIn(c));
    const [patch, hold] = await Promise.all([
      service.call("GET", of, PatchDetail),
      service.call("GET", `${of}/hold`, PatchHoldView),
    ]);
    const recall = patch.state === "withdrawn" ? await service.call("GET", `${of}/recall`, RecallView) : undefined;
    const shown = { patch, hold, recall, mayPublish: mayPublish(c), refusal, now: deps.now().getTime() };
    return answerLive(c, {
      title: patch.title,
      page: <PublishedPatchPage {...shown} />,
      href: publishedHref(patch.id),
    });
  }
}

function ask(c: Context, refusal?: string) {
  return answerPage(c, {
    title: texts.publish.title,
    page: <PublishPage vendor={tenantOf(c)} refusal={refusal} />,
  });
}

async function withHolds(service: Service, patches: readonly PatchView[]): Promise<Published[]> {
  const found = patches.map(async (patch) => {
    const [vendor = "", ...path] = patch.id.split("/");
    const hold = await service.call("GET", `/v1/vendors/${vendor}/patches/${path.join("/")}/hold`, PatchHoldView);
    return { patch, hold };
  });
  return await Promise.all(found);
}

async function readUpload(c: Context): Promise<Upload> {
  const { update, bundles } = await c.req.parseBody({ all: true });
  if (!(update instanceof File) || update.size === 0) {
    throw new SutureError("invalid-request", texts.publish.noUpdate);
  }
  const files = [bundles ?? []].flat().filter((file): file is File => file instanceof File && file.size > 0);
  return { update: await update.text(), bundles: await Promise.all(files.map((file) => file.bytes())) };
}

function patchIn(c: Context): string {
  const { product = "", channel = "", patch = "" } = c.req.param();
  return `/patches/${[product, channel, patch].map(encodeURIComponent).join("/").replaceAll("%40", "@")}`;
}

function holdIn(text: string | undefined): HoldState | undefined {
  return text === "held" || text === "halted" ? text : undefined;
}

const mayPublish = (c: Context) => may(c, "PUT", "/v1/vendors/:vendor/metadata/:role");
