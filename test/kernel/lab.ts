import { rmSync } from "node:fs";
import { join } from "node:path";
import { type ForeignTools, shareForeignTools } from "./foreign-tools.ts";
import { bootGuest, type Guest, type GuestOptions } from "./guest.ts";
import { makeImage, makeShare } from "./image.ts";
import { buildModules } from "./modules.ts";
import { findPackages, type Packages } from "./packages.ts";
import { type KernelService, startService } from "./service.ts";

/** Where guests keep the agent's state. */
export const state = "--state /state/agent";

/** Kernels, modules, a service, and the guests of one test file. */
export type Lab = {
  packages: Packages;
  kernel: string;
  modules: string;
  service: KernelService;
  foreign: ForeignTools;
  /** Boots a guest; its state folder is empty unless it is to go on from the last one's. */
  boot(options?: Partial<GuestOptions> & { keepState?: boolean; offline?: boolean; kernel?: string }): Promise<Guest>;
  /** Makes the guest a machine of the customer's; answers with its id. */
  enrol(guest: Guest): Promise<string>;
  stop(): Promise<void>;
};

/** Why no guest can be booted here; empty where one can. */
export const missing = ((): string => {
  try {
    findPackages();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
})();

/** Opens a lab for one test file, whose name keeps its folders apart. */
export async function openLab(name: string): Promise<Lab> {
  const packages = findPackages();
  const [kernel = ""] = packages.kernels;
  const folders = packages.kernels.map((each) => buildModules(packages, each));
  const share = await makeShare(packages, folders);
  const service = await startService();
  const guests: Guest[] = [];
  const stateFolder = join(packages.cache, "state", name);
  return {
    packages,
    kernel,
    modules: folders[0] ?? "",
    service,
    foreign: shareForeignTools(share),
    async boot({ keepState = false, offline = false, kernel: other = kernel, ...options } = {}) {
      if (!keepState) rmSync(stateFolder, { recursive: true, force: true });
      const guest = await bootGuest({
        image: makeImage(packages, other),
        share,
        state: stateFolder,
        console: join(packages.cache, "state", `${name}.log`),
        ...(!offline && { port: service.port }),
        ...options,
      });
      guests.push(guest);
      return guest;
    },
    async enrol(guest) {
      const token = await service.enrolmentToken();
      const { json, output } = await guest.agent(
        `enroll --server ${service.url} ${state}`,
        `SUTURE_ENROLMENT_TOKEN=${token}`,
      );
      if (typeof json.machine !== "string") throw new Error(`not enrolled: ${output}`);
      return json.machine;
    },
    async stop() {
      await Promise.all(guests.map((guest) => guest.stop()));
      await service.stop();
    },
  };
}
