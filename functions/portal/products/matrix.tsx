import type { FC } from "hono/jsx";
import { Refusal, TextArea } from "../parts/form.tsx";
import { texts } from "../texts.ts";
import type { MatrixText } from "./matrix-form.ts";

const { matrix: words } = texts.products;

type Props = { product: string; text: MatrixText; mayChange: boolean; refusal?: string | undefined };

/** What a product covers and until when, as its vendor says it. */
export const MatrixPage: FC<Props> = ({ product, text, mayChange, refusal }) => (
  <>
    <header class="title">
      <h1>{words.title(product)}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <form method="post" action={`/products/${product}`}>
      <fieldset disabled={!mayChange}>
        <TextArea label={words.kernels} name="kernels" value={text.kernels} hint={words.kernelsHint} rows={6} />
        <TextArea label={words.builds} name="builds" value={text.builds} hint={words.buildsHint} rows={6} />
        <TextArea label={words.programs} name="programs" value={text.programs} hint={words.programsHint} rows={3} />
        {mayChange && (
          <p class="buttons">
            <button type="submit">{words.save}</button>
          </p>
        )}
      </fieldset>
    </form>
  </>
);
