import type { Answer, StandIn } from "./stand-in.ts";

type Update = { id: string; title: string; effective: string };
export type KspliceState = {
  trouble: "" | "busy" | "locked" | "offline" | "expired" | "no-key" | "foreign-kernel" | "garbage" | "hang";
  boot: string;
  installed: Update[];
  available: Update[];
};

/**
 * Ksplice's Uptrack client: what it prints and how it exits is from the client's own published source (uptrack 1.2, GPL-2) and the
 * Oracle Linux Ksplice User's Guide; the updates are made up. Everything is printed to the standard output.
 */
export const kspliceStandIn: StandIn<KspliceState> = {
  tools: ["uptrack-show", "uptrack-upgrade", "uptrack-remove"],
  initial: {
    trouble: "",
    boot: "5.15.0-206.153.7.el9uek",
    installed: [
      { id: "nf9nfyzj", title: "Enablement update for live patching.", effective: "5.15.0-206.153.7.el9uek" },
    ],
    available: [
      { id: "gsf5wlo8", title: "CVE-2024-36934: Information leak in a driver.", effective: "5.15.0-207.156.6.el9uek" },
      {
        id: "8vkhpraf",
        title: "CVE-2024-27398: Denial-of-service in Bluetooth.",
        effective: "5.15.0-208.159.3.el9uek",
      },
    ],
  },
  run(state, tool, args): Answer {
    const { trouble } = state;
    if (trouble === "hang") return "hang";
    if (trouble === "garbage") return { code: 0, stdout: "Segmentation fault in libfoo\n" };
    if (args.includes("--version")) return { code: 0, stdout: "1.2.82\n" };
    if (trouble === "locked")
      return {
        code: 1,
        stdout:
          "It appears that another Uptrack process is currently running on this\nsystem. Please wait a minute and try again.  If you are unable to\nresolve this issue, please contact ksplice-support_ww@oracle.com.\n",
      };
    if (tool === "uptrack-show") return show(state, args);
    if (trouble === "offline") return { code: 10, stdout: "Could not connect to the Ksplice Uptrack server.\n" };
    if (trouble === "expired")
      return { code: 17, stdout: "Your subscription to the Ksplice Uptrack service has expired.\n" };
    if (trouble === "no-key")
      return {
        code: 20,
        stdout:
          "You must specify an access key to use the service.\nPlease add your key to /etc/uptrack/uptrack.conf\n",
      };
    return tool === "uptrack-upgrade" ? upgrade(state) : remove(state, args);
  },
};

function show(state: KspliceState, args: readonly string[]): Answer {
  const available = args.includes("--available");
  const updates = available ? state.available : state.installed;
  const lines = updates.map(({ id, title }) => `[${id}] ${title}`);
  const head = available ? "Available updates:" : "Installed updates:";
  const effective = state.installed.at(-1)?.effective ?? state.boot;
  const rows = lines.length === 0 ? ["None"] : lines;
  return { code: 0, stdout: [head, ...rows, "", `Effective kernel version is ${effective}`, ""].join("\n") };
}

function upgrade(state: KspliceState): Answer {
  const plan = [...state.available];
  if (plan.length === 0) return { code: 0, stdout: "Nothing to be done.\nYour kernel is fully up to date.\n" };
  const steps = plan.map(({ id, title }) => `Install [${id}] ${title}`);
  const output = ["The following steps will be taken:", ...steps];
  for (const update of plan) {
    output.push(`Installing [${update.id}] ${update.title}`);
    const isLast = update === plan.at(-1);
    // The first goes in, so that an order which fails half way has something to be taken back
    if (isLast && state.trouble === "busy") return { code: 1, stdout: [...output, busy("install")].join("\n") };
    if (isLast && state.trouble === "foreign-kernel")
      return {
        code: 1,
        stdout: `${output.join("\n")}\nKsplice was unable to install this update because your running\nkernel has been modified from the version provided by your vendor.\n`,
      };
    state.installed.push(update);
    state.available = state.available.filter(({ id }) => id !== update.id);
  }
  return { code: 0, stdout: [...output, "Your kernel is fully up to date.", ""].join("\n") };
}

function remove(state: KspliceState, args: readonly string[]): Answer {
  const wanted = args.filter((arg) => !arg.startsWith("-"));
  const plan = state.installed.filter(({ id }) => wanted.includes(id)).reverse();
  if (plan.length === 0) return { code: 0, stdout: "Nothing to be done.\n" };
  // What an order left half done comes out again; what is whole is in use
  if (state.trouble === "busy" && state.available.length === 0) return { code: 1, stdout: busy("remove") };
  for (const update of plan) {
    state.installed = state.installed.filter(({ id }) => id !== update.id);
    state.available.unshift(update);
  }
  return { code: 0, stdout: plan.map(({ id, title }) => `Removing [${id}] ${title}\n`).join("") };
}

function busy(command: string): string {
  return `\nKsplice was unable to ${command} the update because one or more programs\nare constantly using the kernel functions patched by this update.\nYou should be able to install this update by trying again.\n\n  - kworker (pid 77)\n`;
}
