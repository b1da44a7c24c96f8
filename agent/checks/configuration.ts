import type { ConfigRead } from "../config/read.ts";
import { strayVariables } from "../config/values.ts";
import type { Check } from "./check.ts";

/** Whether the configuration can be used. */
export function configurationChecks(
  { files, problems }: ConfigRead,
  environment: Parameters<typeof strayVariables>[0],
): Check[] {
  const name = "configuration";
  const wrong = problems.map(({ from, reason }): Check => {
    return { name, ok: false, detail: `${from}: ${reason}`, mend: "Until it is mended the agent does not start." };
  });
  const stray = strayVariables(environment).map((variable): Check => {
    return { name, ok: false, optional: true, detail: `${variable} is no key's variable` };
  });
  const fine = files.length === 0 ? "all is as by default" : files.join(", ");
  return wrong.length + stray.length > 0 ? [...wrong, ...stray] : [{ name, ok: true, detail: fine }];
}
