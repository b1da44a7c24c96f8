import type { Context, Hono } from "hono";
import { isSutureError } from "../../../protocol/errors.ts";
import { Name } from "../../../protocol/wire/names.ts";
import { parseWith } from "../../../protocol/wire/parse.ts";
import { SupportView } from "../../../protocol/wire/support.ts";
import { answerCsv, answerPage } from "../answer.tsx";
import { attempt, formLimit, readForm } from "../form.ts";
import { may, type ServiceDeps, serviceOf, tenantPath } from "../service.ts";
import { only, tenantOf } from "../session.ts";
import { texts } from "../texts.ts";
import { channelsOf } from "./channels.ts";
import { MatrixPage } from "./matrix.tsx";
import { type MatrixText, matrixOf, textIn, textOf } from "./matrix-form.ts";
import { ProductsPage, productsCsv } from "./page.tsx";

export function productRoutes(app: Hono, deps: ServiceDeps): void {
  const vendors = only(["vendor"], deps);

  app.get("/products", vendors, async (c) => {
    const channels = await channelsOf(tenantOf(c), serviceOf(c, deps));
    const page = <ProductsPage vendor={tenantOf(c)} channels={channels} now={deps.now().getTime()} />;
    return answerPage(c, { title: texts.products.title, page });
  });

  app.get("/products.csv", vendors, async (c) => {
    const channels = await channelsOf(tenantOf(c), serviceOf(c, deps));
    return answerCsv(c, "products", productsCsv(channels ?? []));
  });

  app.get("/products/:product", vendors, async (c) => show(c, await storedText(c)));

  app.post("/products/:product", vendors, formLimit, async (c) => {
    const text = textIn(await readForm(c));
    return await attempt(
      async () => {
        await serviceOf(c, deps).call("PUT", supportPath(c), SupportView, matrixOf(text));
        return c.redirect("/products", 303);
      },
      (refusal) => show(c, text, refusal.message),
    );
  });

  function show(c: Context, text: MatrixText, refusal?: string) {
    const product = productIn(c);
    const mayChange = may(c, "PUT", "/v1/vendors/:vendor/products/:product/support");
    const page = <MatrixPage product={product} text={text} mayChange={mayChange} refusal={refusal} />;
    return answerPage(c, { title: texts.products.matrix.title(product), page });
  }

  async function storedText(c: Context): Promise<MatrixText> {
    try {
      return textOf((await serviceOf(c, deps).call("GET", supportPath(c), SupportView)).matrix);
    } catch (error) {
      if (isSutureError(error, "not-found")) return textOf({ kernels: [], builds: [], programs: [] });
      throw error;
    }
  }
}

function productIn(c: Context): string {
  return parseWith(Name, c.req.param("product"), "product", "not-found");
}

function supportPath(c: Context): string {
  return tenantPath(c, `/products/${productIn(c)}/support`);
}
