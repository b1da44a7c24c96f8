import type { Condition, PatchStatus } from "../../../domain/status.ts";
import type { PatchRecord } from "../../../stores/patches.ts";

/** A word, and the sentence that says what to do. */
export type StateText = { word: string; advice: string };

/** Each patch status: its word, and the sentence that says what to do. */
export const statuses: Record<PatchStatus, StateText> = {
  applied: { word: "Applied", advice: "Nothing to do. The fix is in wherever it is needed." },
  "already-applied": { word: "Applied", advice: "Nothing to do. The fix was there before." },
  partial: {
    word: "Applied in part",
    advice:
      "Some processes of the machine run without the fix: the timeline names them, with their owner and what is in the way. Restart them, or end what holds them.",
  },
  "to-apply": { word: "About to apply", advice: "Nothing to do. The machine takes it at its next check-in." },
  "to-undo": { word: "About to be undone", advice: "Nothing to do. The machine takes it out at its next check-in." },
  "undo-pending": {
    word: "Undo pending",
    advice: "Still in: the machine was not heard from since it was to be undone, or a thread runs the patched code.",
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
  trouble: {
    word: "Trouble",
    advice:
      "It is in, and something went wrong on the machine since: read below what. It counts as a failure of the rollout; if the patch is not to blame, resume that.",
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
  unprotected: {
    word: "No version left",
    advice:
      "The vendor withdrew the version that fitted and offers no other: what it mended is open here. Ask the vendor for a version, or update the program itself.",
  },
  "vendor-stopped": {
    word: "Vendor stopped",
    advice: "The operator stopped this vendor: nothing of it is applied anew until that is lifted. Nothing to do.",
  },
  "recall-kept": {
    word: "Recalled, kept",
    advice: "It was withdrawn, and your policy keeps it. Look at the reason; onRecall: undo takes it out.",
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
export const conditions: Record<Condition, StateText> = {
  refusing: {
    word: "Refusing",
    advice:
      "It refuses a plan, metadata or a release that is not what was signed. What is applied stays, and nothing is done because of what it refuses; what does verify goes on. Open the machine to see what it is, and what may stand between it and the service.",
  },
  failing: { word: "Failing", advice: "A patch failed or was quarantined here. Open the machine and read why." },
  attention: {
    word: "Needs you",
    advice: "A patch cannot go on by itself. Open the machine to see what it waits for.",
  },
  cloned: { word: "Cloned", advice: "Two hosts answer to this machine's identity. Enrol one of them anew." },
  stalled: {
    word: "Stalled",
    advice:
      "A patch does not get in: code is in use, or another's patch is in its way. Open the machine to see what stops it.",
  },
  "needs-reboot": { word: "Needs a reboot", advice: "What is due takes effect with a reboot. Plan one." },
  unsupported: {
    word: "Unsupported",
    advice: "No engine works on this host. Run suture-agent preflight there to see what is missing.",
  },
  silent: { word: "Silent", advice: "No check-in for more than 30 hours. See whether the host and its agent run." },
  moving: { word: "In progress", advice: "Nothing to do. A patch is on its way in or out." },
  patched: { word: "Patched", advice: "Nothing to do. Every fix that concerns it is in." },
  idle: { word: "Nothing due", advice: "Nothing to do. No patch concerns what runs on it." },
};

export const patchStates: Record<PatchRecord["state"], StateText> = {
  live: { word: "Live", advice: "Subscribed machines take it at their next check-in." },
  superseded: { word: "Superseded", advice: "A newer patch took its place." },
  withdrawn: { word: "Withdrawn", advice: "The vendor took it back. Machines that had it undo it." },
};

export const severities: Record<PatchRecord["manifest"]["severity"], string> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
};
