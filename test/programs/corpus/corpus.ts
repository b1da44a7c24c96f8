import type { Program } from "../program.ts";
import { databases } from "./databases.ts";
import { nameServers } from "./name-servers.ts";
import { qemu } from "./qemu.ts";
import { runtimes } from "./runtimes.ts";
import { smallPrograms } from "./small.ts";
import { sshServer } from "./sshd.ts";
import { stores } from "./stores.ts";
import { webServers } from "./web.ts";

/** Every program, in the order in which they run. */
export const corpus: readonly Program[] = [
  ...webServers,
  ...stores,
  ...databases,
  ...nameServers,
  sshServer,
  qemu,
  ...runtimes,
  ...smallPrograms,
];
