import { number } from "./formats.ts";

export const patches = {
  title: "Patches",
  patch: "Patch",
  severity: "Severity",
  state: "State",
  have: "Machines",
  live: "Live since",
  haveOf: (have: number, concerned: number) => `${number(have)} of ${number(concerned)}`,
  empty: {
    title: "No patches yet",
    first:
      "Patches of the channels that you subscribe to are listed here. Whoever runs your Suture service subscribes you:",
    command: (customer: string) => `suture customer subscribe ${customer} VENDOR/PRODUCT/CHANNEL`,
  },
};

export const patch = {
  notFound: "There is no such patch in your account.",
  advisory: "Advisory",
  read: "Read the vendor's advisory",
  noAdvisory: "The vendor links none",
  cves: "CVEs",
  noCves: "None assigned",
  vendor: "Vendor",
  product: "Product",
  channel: "Channel",
  version: "Version",
  live: "Live since",
  supersedes: "Replaces",
  requires: "Needs first",
  manifest: "Manifest SHA-256",
  withdrawn: "Withdrawn",
  reason: (reason: string) => `The vendor says: ${reason}`,
  noReason: "The vendor gave no reason.",
  variants: "Variants",
  engine: "Engine",
  target: "Target build",
  functions: "Functions",
  size: "Payload",
  machines: "Who has it",
  machine: "Machine",
  state: "State",
  since: "Since",
  noMachines: "It concerns none of your machines.",
  bytes: (size: number) => (size < 10_240 ? `${number(size)} B` : `${number(Math.round(size / 1024))} KiB`),
};
