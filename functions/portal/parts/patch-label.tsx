import type { FC } from "hono/jsx";
import type { PatchStatus } from "../../domain/status.ts";
import type { PatchRecord } from "../../stores/patches.ts";
import { texts } from "../texts.ts";
import { hrefWith } from "./data-table.tsx";

/** A patch's page. */
export const patchHref = (id: string) => `/patches/${id.split("/").map(encodeURIComponent).join("/")}`;

/** The list of a patch's machines, or of those of one status. */
export function patchMachinesHref(id: string, status?: PatchStatus): string {
  return `${hrefWith(patchHref(id), { status })}#machines`;
}

/** A patch by its title, with its id below; one that the service does not know has only its id, and no page. */
export const PatchLabel: FC<{ id: string; patch: PatchRecord | undefined }> = ({ id, patch }) =>
  patch === undefined ? (
    <code>{id}</code>
  ) : (
    <>
      <a href={patchHref(id)}>{patch.manifest.title}</a>
      <small class="id">{id}</small>
    </>
  );

export const SeverityBadge: FC<{ severity: PatchRecord["manifest"]["severity"] }> = ({ severity }) => (
  <span class={`severity ${severity}`}>{texts.severities[severity]}</span>
);
