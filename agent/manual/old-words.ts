/** What a command of another client is called here. */
export type OldWord = { client: string; theirs: string; ours: string; note: string };

type Rows = readonly (readonly [theirs: string, ours: string, note: string])[];

const clients: Readonly<Record<string, Rows>> = {
  "canonical-livepatch": [
    ["enable TOKEN", "enroll --token-file FILE", "the token is in a file, not in the arguments"],
    ["disable", "unenroll", "what is applied stays; `undo` takes a patch out"],
    ["status", "status", ""],
    ["status --format json", "status --json", ""],
    ["refresh", "apply", ""],
    ["config", "config show", ""],
    ["config KEY=VALUE", "config set KEY VALUE", ""],
    ["config http-proxy=URL https-proxy=URL", "config set network.proxy URL", ""],
    ["config ca-certs=@stdin", "config set network.ca_file FILE", ""],
    ["config remote-server=URL", "config set server URL", "for enroll; or config set mirror URL"],
    ["kernel-upgrade-required", "status", "exit code 5: needs a reboot"],
    ["help", "help", ""],
  ],
  uptrack: [
    ["uptrack-show", "status", ""],
    ["uptrack-show --available", "explain PATCH", "what is not in, and why"],
    ["uptrack-upgrade -y", "apply", ""],
    ["uptrack-install ID", "apply PATCH", ""],
    ["uptrack-remove ID", "undo PATCH", "and hold it; `release` ends that"],
    ["uptrack-remove --all", "undo PATCH", "for each patch"],
    ["uptrack-uname -r", "status", "the kernel keeps its own name"],
    ["uptrack.conf", "config show", "/etc/suture/agent.toml"],
    ["ksplice user show", "status", "programs and the kernel in one list"],
  ],
  kcarectl: [
    ["--register KEY", "enroll --token-file FILE", ""],
    ["--unregister", "unenroll", ""],
    ["--info", "status", ""],
    ["--patch-info", "status", ""],
    ["--uname", "status", "the kernel keeps its own name"],
    ["--update", "apply", ""],
    ["--unload", "undo PATCH", ""],
    ["--check", "explain PATCH", ""],
    ["--set-sticky-patch", "pin PATCH", ""],
    ["--freezer none", "force PATCH", "typed by root, never by a plan"],
    ["--doctor", "collect", "`doctor` says what to mend"],
    ["--status", "status", "exit codes for monitoring"],
  ],
  kpatch: [
    ["list", "status", "lists modules that others loaded, too"],
    ["info MODULE", "status", ""],
    ["load MODULE", "apply PATCH", "a plan must order it"],
    ["unload MODULE", "undo PATCH", ""],
    ["install MODULE", "apply PATCH", "what is applied comes back at boot by itself"],
    ["uninstall MODULE", "undo PATCH", ""],
    ["force", "force PATCH", ""],
    ["signal", "status", "the kernel is asked by itself"],
  ],
  klp: [
    ["status", "status", ""],
    ["patches", "status", ""],
    ["blocking", "status", "`waiting` names the tasks"],
    ["downgrade", "undo PATCH", ""],
  ],
};

/** Every row, client by client. */
export const oldWords: readonly OldWord[] = Object.entries(clients).flatMap(([client, rows]) =>
  rows.map(([theirs, ours, note]) => ({ client, theirs, ours, note })),
);

/** What a word that was typed here means, where it is another client's and none of ours. */
export function meaningsOf(word: string): OldWord[] {
  return oldWords.filter(({ theirs }) => theirs.split(" ")[0] === word);
}
