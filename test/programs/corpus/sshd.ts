import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childClient } from "../clients/child.ts";
import { startDaemon, untilListening, versionBy } from "../daemon.ts";
import type { Place, Program, Running } from "../program.ts";

/** Answers each line with the same line. */
const echo = 'while read -r line; do echo "$line"; done';
const text = "a line for the other side ".repeat(20).trim();

async function startSshd({ directory, port }: Place): Promise<Running> {
  const [hostKey, userKey] = [join(directory, "host-key"), join(directory, "user-key")];
  for (const key of [hostKey, userKey]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  copyFileSync(`${userKey}.pub`, join(directory, "authorized"));
  if (!existsSync("/run/sshd")) mkdirSync("/run/sshd", { mode: 0o755 });
  const config = join(directory, "sshd_config");
  writeFileSync(
    config,
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${hostKey}\nAuthorizedKeysFile ${directory}/authorized\nStrictModes no
PidFile none\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 100\n`,
  );
  const daemon = startDaemon("/usr/sbin/sshd", ["-D", "-e", "-f", config]);
  await untilListening(daemon, port);
  const known = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
  const login = ["-F", "/dev/null", "-T", "-p", String(port), "-i", userKey, ...known, "127.0.0.1", echo];
  return {
    module: "/usr/sbin/sshd",
    functions: "all",
    open: () =>
      childClient("ssh", login, (turn) => {
        const line = `${turn} ${text}`;
        return { line, answer: line };
      }),
    // a session is a process or two, which end with it
    mayEnd: (commandLine) => !commandLine.includes("[listener]"),
    log: daemon.log,
    stop: daemon.stop,
  };
}

export const sshServer: Program = {
  name: "sshd",
  about: "live sessions, each a process; new ones begin meanwhile",
  needs: ["/usr/sbin/sshd", "ssh", "ssh-keygen"],
  packages: "openssh-server",
  version: () => versionBy("ssh", "-V"),
  start: startSshd,
  requestsPerConnection: 60,
};
