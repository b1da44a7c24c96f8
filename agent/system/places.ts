import { join } from "node:path";

/** Where this system keeps what is a service's own, and what an administrator decides. */
export const places: { state: string; config: string } =
  process.platform === "win32"
    ? windowsPlaces(process.env.ProgramData ?? "C:\\ProgramData")
    : { state: "/var/lib/suture", config: "/etc/suture" };

function windowsPlaces(programData: string) {
  const config = join(programData, "Suture");
  return { state: join(config, "state"), config };
}
