import type { FC } from "hono/jsx";

/** CVEs by their numbers, each with its public record. */
export const Cves: FC<{ ids: readonly string[]; none: string }> = ({ ids, none }) =>
  ids.length === 0 ? (
    <span class="advice">{none}</span>
  ) : (
    <span>
      {ids.map((id, at) => (
        <>
          {at > 0 && ", "}
          <a href={`https://www.cve.org/CVERecord?id=${encodeURIComponent(id)}`} rel="noreferrer">
            {id}
          </a>
        </>
      ))}
    </span>
  );
