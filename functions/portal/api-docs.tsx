import { Hono } from "hono";
import { answerProblem } from "../problem.ts";
import { apiDocsAssets, serveAssets } from "./assets.ts";
import { browserPolicy } from "./security.ts";
import { texts } from "./texts.ts";

/** The page that reads `/openapi.json`; mounted at `/docs`. It asks for no sign-in, as the description itself does not. */
export function apiDocs(): Hono {
  const app = new Hono();
  app.onError(answerProblem);
  app.use(browserPolicy());
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${texts.apiDocs.title} · ${texts.product}`}</title>
        <link rel="icon" href="/assets/suture.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs/swagger-ui.css" />
        <script src="/docs/swagger-ui.js" defer />
        <script src="/docs/api-docs.js" defer />
      </head>
      <body>
        <main id="api">
          <noscript>{texts.apiDocs.noScript}</noscript>
        </main>
      </body>
    </html>
  );
  app.get("/", async (c) => c.html(`<!doctype html>${await page}`));
  app.get("/:name", serveAssets(apiDocsAssets));
  return app;
}
