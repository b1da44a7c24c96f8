import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The Debian package that brings a tool, where it is not of the same name. */
const debianPackages: Readonly<Record<string, string>> = { rpmbuild: "rpm", "dpkg-deb": "dpkg", xz: "xz-utils" };

/** How to get the tools that are not on this machine, a line each; none where all are. */
export async function missingTools(tools: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    tools.map((tool) =>
      run("sh", ["-c", 'command -v "$0"', tool]).then(
        () => true,
        () => false,
      ),
    ),
  );
  return tools.filter((_, at) => !found[at]).map(howToGet);
}

function howToGet(tool: string): string {
  return `${tool} is missing: apt-get install ${debianPackages[tool] ?? tool}`;
}

/**
 * Runs a tool of the machine that builds. Its locale and time zone are fixed: what it writes must be the same everywhere.
 * @throws Error that names the Debian package of a tool that is missing, or says what the tool said
 */
export async function runTool(
  tool: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC", ...options.env };
  try {
    return (await run(tool, args, { ...options, env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    throw new Error(code === "ENOENT" ? howToGet(tool) : `${tool} failed: ${stderr?.trim()}`, { cause });
  }
}
