import type { PatchRecord } from "../stores/patches.ts";
import type { Condition, PatchStatus } from "./status.ts";

type State = { word: string; advice: string };

/** Each patch status: its word, and the sentence that says what to do. */
const statuses: Record<PatchStatus, State> = {
  applied: { word: "Applied", advice: "Nothing to do. The fix is in wherever it is needed." },
  "already-applied": { word: "Applied", advice: "Nothing to do. The fix was there before." },
  "to-apply": { word: "About to apply", advice: "Nothing to do. The machine takes it at its next check-in." },
  "to-undo": { word: "About to be undone", advice: "Nothing to do. The machine takes it out at its next check-in." },
  "undo-pending": {
    word: "Undo pending",
    advice: "Nothing to do. A thread still runs the patched code; the machine tries again by itself.",
  },
  "waiting-for-requirement": {
    word: "Waiting",
    advice: "It needs another patch first. Look whether that one is held, and why.",
  },
  blocked: {
    word: "Blocked",
    advice:
      "Code in use, another tool's patch or a health check of the machine's own stands in the way: the timeline says which. It is tried again by itself.",
  },
  stalled: { word: "Stalled", advice: "It did not finish in time. Look at the evidence on the machine's page." },
  "needs-reboot": { word: "Needs a reboot", advice: "Plan a reboot of this machine: the change ends with one." },
  "report-only": {
    word: "Only reported",
    advice: "The group's policy applies nothing by itself. Set the group to automatic to take the fix.",
  },
  failed: {
    word: "Failed",
    advice: "Read why in the timeline. The target is as it was; it is tried again in an hour.",
  },
  "stalled-before": {
    word: "Stalled",
    advice: "Tasks did not leave the old code in time; the evidence names them. It is tried again in 15 minutes.",
  },
  "kernel-not-booted": {
    word: "Needs a reboot",
    advice: "A newer kernel is installed, and the fix is for that one. Reboot this machine.",
  },
  "kernel-ended": {
    word: "Needs a reboot",
    advice: "The vendor makes no patches for this kernel any more. Install a newer kernel and reboot this machine.",
  },
  "failed-before": { word: "Failed", advice: "Read why in the timeline. It is tried again an hour after it failed." },
  quarantined: {
    word: "Quarantined",
    advice:
      "It proved unhealthy, or the machine went down with it. Tell the vendor; it is tried again when a newer version is out or somebody releases it on the machine.",
  },
  trouble: {
    word: "Trouble",
    advice:
      "It is in, and something went wrong on the machine since: read below what. It counts as a failure of the rollout; if the patch is not to blame, resume that.",
  },
  undone: { word: "Undone", advice: "The original code runs again. Read in the timeline who undid it, and why." },
  "not-applicable": {
    word: "Does not apply",
    advice: "Nothing to do. Nothing that runs here is what the patch is for.",
  },
  unsupported: {
    word: "Unsupported",
    advice: "This machine's engine cannot apply it. Run suture-agent preflight there.",
  },
  "no-variant": { word: "Does not apply", advice: "Nothing to do. Nothing that runs here is what the patch is for." },
  cloned: {
    word: "Cloned",
    advice: "Two hosts answer to this machine's identity. Enrol one of them anew; a day later plans go on.",
  },
  "held-by-host": {
    word: "Held on the host",
    advice: "An administrator of the machine keeps it away. suture-agent release on the machine lets it in.",
  },
  "held-for-everyone": {
    word: "Held for everyone",
    advice: "The vendor stopped it, or three customers' rollouts did. Nothing to do until the vendor answers.",
  },
  "rollout-halted": {
    word: "Rollout halted",
    advice: "Too many machines failed, or somebody stopped it. Look at the rollout, then resume or abort it.",
  },
  pinned: { word: "Pinned", advice: "A pin keeps it out until its day. Look which CVEs that leaves open." },
  "no-seat": { word: "No seat", advice: "Every seat is another machine's. Get more, or retire machines." },
  "awaiting-approval": { word: "Asks first", advice: "The policy wants a person's word: approve the rollout." },
  "wave-not-open": {
    word: "Later wave",
    advice: "Nothing to do. The machine's wave opens when the ones before went well.",
  },
  "outside-window": {
    word: "Waits for its window",
    advice: "Nothing to do. It is applied in the next maintenance window.",
  },
  "not-entitled": { word: "Not subscribed", advice: "Subscribe to the patch's channel to get it." },
};

/** Each condition of a machine. */
const machineConditions: Record<Condition, State> = {
  failing: { word: "Failing", advice: "A patch failed or was quarantined here. Open the machine and read why." },
  attention: {
    word: "Needs you",
    advice: "A patch cannot go on by itself. Open the machine to see what it waits for.",
  },
  silent: { word: "Silent", advice: "No check-in for more than 30 hours. See whether the host and its agent run." },
  moving: { word: "In progress", advice: "Nothing to do. A patch is on its way in or out." },
  patched: { word: "Patched", advice: "Nothing to do. Every fix that concerns it is in." },
  idle: { word: "Nothing due", advice: "Nothing to do. No patch concerns what runs on it." },
};

const patchStates: Record<PatchRecord["state"], State> = {
  live: { word: "Live", advice: "Subscribed machines take it at their next check-in." },
  superseded: { word: "Superseded", advice: "A newer patch took its place." },
  withdrawn: { word: "Withdrawn", advice: "The vendor took it back. Machines that had it undo it." },
};

const severities: Record<PatchRecord["manifest"]["severity"], string> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
};

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** How long ago, in steps of a minute so that a page does not move by itself. Both in milliseconds since the epoch. */
function ago(at: number, now: number): string {
  const past = Math.max(0, now - at);
  const unit = units.find(([, length]) => past >= length);
  return unit ? relative.format(-Math.floor(past / unit[1]), unit[0]) : "under a minute ago";
}

const numbers = new Intl.NumberFormat("en");

/** Every English word of the portal, so that another language is another file. */
export const texts = {
  product: "Suture",
  statuses,
  conditions: machineConditions,
  patchStates,
  severities,
  ago,
  /** The exact moment, for whoever needs it. */
  exact: (at: number) =>
    new Date(at)
      .toISOString()
      .replace("T", " ")
      .replace(/\.\d+Z$/, " UTC"),
  number: (value: number) => numbers.format(value),
  nav: { label: "Main", fleet: "Fleet", patches: "Patches", signOut: "Sign out", skip: "Skip to the content" },
  connectionLost: "The service does not answer. This page shows what it knew last, and goes on trying.",
  legend: "What the states mean",

  signIn: {
    title: "Sign in",
    token: "Portal token",
    hint: "It begins with suture-api. and lives as long as whoever made it chose.",
    submit: "Sign in",
    wrong: "This token is unknown, revoked or expired. Paste it whole, or ask for a new one.",
    notCustomer: "This token is not a customer's. Vendors and operators work with the suture command.",
    how: "No token yet? Whoever runs your Suture service makes one with:",
    command: "suture token create --customer NAME --portal",
  },

  fleet: {
    title: "Fleet",
    filter: "Filter by name, group or patch",
    apply: "Filter",
    all: "All machines",
    machine: "Machine",
    group: "Group",
    state: "State",
    patches: "Patches",
    seen: "Last seen",
    counts: "Machines by state",
    none: "No machine matches this filter.",
    clear: "Show all machines",
    more: (hidden: number) => `${numbers.format(hidden)} more machines match. Narrow the filter to see them.`,
    empty: {
      title: "Enrol your first machine",
      first: "Whoever runs your Suture service makes an enrolment token for you:",
      token: (customer: string) => `suture token create --customer ${customer}`,
      second: "On the machine, as root, with that token:",
      enrol: (origin: string) => `suture-agent enroll --server ${origin} --token TOKEN && suture-agent run`,
      third: "It appears here by itself.",
    },
  },

  machine: {
    facts: "Facts",
    id: "Machine id",
    group: "Group",
    system: "System",
    kernel: "Kernel",
    agent: "Agent",
    enrolled: "Enrolled",
    seen: "Last check-in",
    builds: "Running builds",
    engines: "Engines",
    supported: "ready",
    waitingKernel: "Installed, not booted",
    livepatches: "In the kernel",
    noLivepatches: "No livepatch",
    enabled: "enabled",
    disabled: "disabled",
    inTransition: "on its way in or out",
    notOurs: "loaded by somebody else and left alone",
    patches: "Patches",
    patch: "Patch",
    severity: "Severity",
    state: "State",
    since: "Since",
    noPatches: "No patch concerns this machine yet. When a vendor publishes one that fits, it shows up here by itself.",
    timeline: "Timeline",
    noReceipts: "Nothing was done on this machine yet. Each step of an engine leaves a signed receipt here.",
    badReceipt: "A receipt whose signature does not verify. Do not trust this machine's word until you know why.",
    signed: "signed by the machine",
    evidence: "Evidence",
    byHand: "by hand on the machine",
    byPlan: (sequence: number) => `ordered by plan ${sequence}`,
    receipt: (sequence: number) => `receipt ${sequence}`,
    incidents: { oops: "The kernel oopsed", "crash-loop": "A program keeps ending", reboot: "Went down unasked" },
    nobodysFault: "Nothing had been applied in the two weeks before it.",
    whyNot: "Why not:",
  },

  patches: {
    title: "Patches",
    patch: "Patch",
    severity: "Severity",
    state: "State",
    have: "Machines",
    live: "Live since",
    haveOf: (have: number, concerned: number) => `${numbers.format(have)} of ${numbers.format(concerned)}`,
    empty: {
      title: "No patches yet",
      first:
        "Patches of the channels that you subscribe to are listed here. Whoever runs your Suture service subscribes you:",
      command: (customer: string) => `suture customer subscribe ${customer} VENDOR/PRODUCT/CHANNEL`,
    },
  },

  patch: {
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
    bytes: (size: number) =>
      size < 10_240 ? `${numbers.format(size)} B` : `${numbers.format(Math.round(size / 1024))} KiB`,
  },

  evidence: {
    pauseMicros: "Longest pause",
    micros: (value: number) => `${numbers.format(value)} µs`,
    paused: (value: number) => `paused ${numbers.format(value)} µs`,
  },

  problem: {
    home: "Back to the fleet",
    signIn: "Sign in again",
    code: "Code",
    crossSite: "The form came from another site, so nothing was done. Open the page here and send it again.",
  },

  apiDocs: { title: "API", noScript: "This page needs JavaScript. The description itself is at /openapi.json." },
} as const;
