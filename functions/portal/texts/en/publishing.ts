import { number } from "./formats.ts";

const count = (value: number, one: string, more: string) => `${number(value)} ${value === 1 ? one : more}`;

export const published = {
  title: "Patches",
  lead: "What you published, how far it has come, and what customers stopped.",
  publish: "Publish a patch",
  patch: "Patch",
  severity: "Severity",
  state: "State",
  hold: "Held",
  live: "Live since",
  filters: { all: "All patches", held: "Held", halted: "Halted by some" },
  counts: "Patches by what stops them",
  notHeld: "no",
  holds: {
    held: {
      word: "Held for everyone",
      advice: "Nobody gets it. Look why it halted, then answer: let it go on, or withdraw it.",
    },
    halted: {
      word: "Halted by some",
      advice: "Customers' rollouts halted. When three have, nobody gets it until you answer.",
    },
  },
  halts: (customers: number) => `${count(customers, "customer", "customers")} halted it`,
  none: "No patch of this page is in this state.",
  empty: {
    title: "Publish your first patch",
    first: "On your own machine, where your keys are, with a folder of a patch.json and its payloads:",
    command: "suture publish DIR --channel edge",
    more: "It is checked, signed with your key and live within seconds. Whoever subscribes to the channel gets it in waves.",
  },

  evidence: "Evidence for stable",
  evidenceSays: (healthy: number, machines: number, hours: number) =>
    `well for ${number(hours)} hours on ${number(healthy)} of the ${number(machines)} machines that stable wants`,
  adoption: "Adoption",
  customers: "Subscribers",
  rollouts: "Their rollouts",
  rolloutsSay: (running: number, done: number, halted: number, aborted: number) =>
    `${number(running)} running, ${number(done)} done, ${number(halted)} halted, ${number(aborted)} aborted`,
  outcome: "What became of it",
  machines: "Machines",
  outcomes: {
    applied: "Applied",
    partial: "Applied in part",
    failed: "Failed",
    undoing: "Being undone",
    undone: "Undone",
    skipped: "Does not concern them",
  },
  sums: "Sums over all subscribers. Whose machines they are is the customers' own.",

  holdTitle: "Hold",
  isHeld: (byVendor: boolean, halts: number) =>
    byVendor
      ? "You stopped it for everyone."
      : `${count(halts, "customer's rollout", "customers' rollouts")} halted, so nobody gets it.`,
  isHalted: (halts: number) =>
    `${count(halts, "customer's rollout", "customers' rollouts")} halted since you answered last. At three nobody gets it until you answer.`,
  isFree: "Nobody stopped it.",
  lastAnswer: (said: string) => `Your last answer: ${said}`,
  answer: "Your answer to the customers",
  answerHint: "They read it beside the patch. Their own halts stand: each resumes its own.",
  release: "Let it go on",
  holdIt: "Stop it for everyone",
  holdSays:
    "Nobody gets it any more, whatever their rollouts say, until you let it go on. Machines that have it keep it.",

  promote: "Promote",
  promoteSays: "The same patch, signed again, on a later channel. Your key stays on your machine:",
  promoteCommand: (path: string, to: string) => `suture promote ${path} --to ${to}`,
  withdraw: "Withdraw",
  withdrawSays: [
    "A withdrawal is a signed statement and stays for ever: the version is never offered again, and machines that have it take it out.",
    "If only some kernels or builds are concerned, stop it for everyone first, and publish a higher version that fits.",
    "If machines have it and an earlier version is good, the command asks you to say --restore, which offers that one again in its place, or --no-replacement, which leaves them open.",
    "Then say it with your key, on your own machine:",
  ],
  withdrawCommand: (path: string) => `suture withdraw ${path} --reason "WHY, FOR THE CUSTOMERS"`,
  withdrawSeen: "This page says withdrawn within seconds, and how far it has come below.",
  recall: "How far the withdrawal has come",
  recallSays: (undone: number, pending: number) =>
    `${count(undone, "machine has", "machines have")} taken it out, ${number(pending)} have not said so yet`,
  sample: "These are some of its machines.",
  took: (median: string, slowest: string) => `half of them within ${median}, the slowest in ${slowest}`,
  seconds: (value: number) => (value < 120 ? `${number(value)} s` : `${number(Math.round(value / 60))} min`),
  readOnly: "Your role may look. Publishers publish, answer and withdraw.",
};

export const publish = {
  title: "Publish a patch",
  lead: "Signing stays on your machine. Either let suture do all of it, or hand in here what it signed.",
  byCommand: "With the suture command",
  command: "suture publish DIR --channel edge",
  byUpload: "By upload",
  sign: "On the machine with your keys. Nothing is sent, so a token that may only read is enough there:",
  handIn:
    "Hand in the update.json and the bundles that it wrote. They are checked as the command's are: signatures, manifests, each bundle's digest.",
  outCommand: (vendor: string) => `suture publish DIR --vendor ${vendor} --out UPDATE`,
  update: "update.json",
  updateHint: "The signed metadata, with the manifests that it names.",
  bundles: "Bundles",
  bundlesHint:
    "All of its bundles folder; those that the service has already may be left out. Together at most 4 MB: the command sends larger ones.",
  submit: "Check and publish",
  notJson: "update.json: this is no file that suture publish --out wrote.",
  otherVendor: (vendor: string) => `update.json is for ${vendor}.`,
  tooLarge: "Together these files are more than 4 MB. Nothing was taken: publish them with the suture command.",
  noUpdate: "Choose the update.json that suture publish --out wrote.",
  done: "Accepted",
  doneSays: (role: string, version: number, bundles: number) =>
    `${role} is at version ${number(version)} now; ${count(bundles, "bundle was", "bundles were")} new. It is live within seconds.`,
  see: "Your patches",
};

export const products = {
  title: "Products",
  lead: "What you make patches for, each with its channels. Each channel is a role of your repository, signed by your publishing keys.",
  channel: "Product and channel",
  version: "Version",
  patches: "Patches",
  keys: "Keys",
  keysOf: (threshold: number, keys: number) => `${number(threshold)} of ${number(keys)}`,
  accepted: "Signed",
  expires: "Signature ends",
  never: "nothing published yet",
  by: "by",
  support: "What is supported",
  editSupport: "Say what is supported",
  add: "A product is added with your targets key, on your machine:",
  addCommand: (vendor: string) => `suture vendor add-product NAME --vendor ${vendor}`,
  renew: "Signatures that end soon are renewed there too:",
  renewCommand: (vendor: string) => `suture vendor renew --vendor ${vendor}`,
  empty: "No product yet. Your repository begins with your keys, on your own machine:",
  initCommand: (vendor: string) => `suture vendor init ${vendor} --product NAME`,
  roles: "Roles",
  role: "Role",
  matrix: {
    title: (product: string) => `What ${product} supports`,
    lead: "Customers see until when their machines are covered, and hear 30 and 7 days before an end.",
    kernels: "Kernels",
    kernelsHint: "One a line: release as uname -r says it; architecture; last day; title.",
    builds: "Builds",
    buildsHint: "One a line: build-id; architecture; last day; title.",
    programs: "Programs",
    programsHint: "One path a line. A build that runs from one of them and is not listed is outside.",
    save: "Save",
  },
};
