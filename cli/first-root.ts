import { SutureError } from "../protocol/errors.ts";
import { type Client, send } from "./client.ts";

/** The text of a vendor's first root, as the service shows it to everyone; undefined while it shows none. Throws `unavailable`. */
export async function firstRootOf({ service }: Pick<Client, "service">, vendor: string): Promise<string | undefined> {
  const response = await send(`${service}/tuf/${vendor}/1.root.json`);
  if (response.status === 404) return undefined;
  if (!response.ok)
    throw new SutureError("unavailable", `The first root of ${vendor} was answered with ${response.status}`);
  return await response.text();
}
