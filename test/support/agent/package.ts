import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

type Options = {
  arch?: "x64" | "arm64";
  version?: string;
  formats?: readonly string[];
  umask?: string;
  env?: Readonly<Record<string, string>>;
};

/** Makes packages of the agent, for x86-64 unless said otherwise, as `npm run package` does. */
export function packageAgent(
  out: string,
  { arch = "x64", version = "0.9.0", formats = [], umask = "022", env }: Options = {},
): void {
  const args = ["--arch", arch, "--version", version, "--out", out];
  if (formats.length > 0) args.push("--format", ...formats);
  const command = `umask ${umask}; exec "$0" infra/package/main.ts "$@"`;
  execFileSync("sh", ["-c", command, process.execPath, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
