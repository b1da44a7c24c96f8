import type { FC } from "hono/jsx";
import type { RoleAccepted } from "../../../protocol/wire/vendor.ts";
import { Copy } from "../parts/copy.tsx";
import { Refusal } from "../parts/form.tsx";
import { texts } from "../texts.ts";

const { publish: words } = texts;

/** How a patch is published: by the command, or by handing in what it signed. */
export const PublishPage: FC<{ vendor: string; refusal?: string | undefined }> = ({ vendor, refusal }) => (
  <>
    <header class="title">
      <h1>{words.title}</h1>
      <p class="advice">{words.lead}</p>
    </header>
    {refusal !== undefined && <Refusal text={refusal} />}
    <h2>{words.byCommand}</h2>
    <Copy text={words.command} />
    <h2>{words.byUpload}</h2>
    <ol>
      <li>
        {words.sign}
        <Copy text={words.outCommand(vendor)} />
      </li>
      <li>{words.handIn}</li>
    </ol>
    <form method="post" action="/publish" enctype="multipart/form-data">
      <div class="grid">
        <div class="field">
          <label for="update">{words.update}</label>
          <input
            id="update"
            type="file"
            name="update"
            accept="application/json"
            required
            aria-describedby="update-hint"
          />
          <small id="update-hint">{words.updateHint}</small>
        </div>
        <div class="field">
          <label for="bundles">{words.bundles}</label>
          <input id="bundles" type="file" name="bundles" multiple aria-describedby="bundles-hint" />
          <small id="bundles-hint">{words.bundlesHint}</small>
        </div>
      </div>
      <p class="buttons">
        <button type="submit">{words.submit}</button>
      </p>
    </form>
  </>
);

/** What came of an upload that was accepted. */
export const AcceptedPage: FC<{ accepted: RoleAccepted & { stored: number } }> = ({ accepted }) => (
  <>
    <h1>{words.done}</h1>
    <p>{words.doneSays(accepted.role, accepted.version, accepted.stored)}</p>
    <p>
      <a href="/published">{words.see}</a>
    </p>
  </>
);
