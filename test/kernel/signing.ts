import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Packages, run } from "./packages.ts";

/** A vendor's key for modules, and firmware whose list of trusted keys holds its certificate. */
export type Signing = { sign(module: string, signed: string): void; firmware: { code: string; vars: string } };

/** Named here, so that a run is the same next year. */
const firmwareTool = "virt-firmware==26.10";
const owner = "5ec07ea1-0000-4000-8000-000000000001";

/**
 * Makes a key, and UEFI variables that trust it: Debian's kernel takes modules by a key of the firmware's `db`.
 * @throws Error that names what is missing
 */
export function openSigning({ cache, root, ovmf }: Packages): Signing {
  if (ovmf === undefined) throw new Error("OVMF is missing: apt-get install --no-install-recommends ovmf");
  const folder = join(cache, "signing");
  mkdirSync(folder, { recursive: true });
  const [key, certificate, vars] = ["key.pem", "certificate.pem", "vars.fd"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  if (!existsSync(vars)) {
    const subject = ["-subj", "/CN=Acme livepatches/", "-days", "3650"];
    run(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...subject],
      folder,
    );
    const tools = join(folder, "tools");
    run("python3", ["-m", "venv", tools], folder);
    run(join(tools, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", firmwareTool], folder);
    run(
      join(tools, "bin/virt-fw-vars"),
      ["--input", ovmf.vars, "--output", vars, "--add-db", owner, certificate],
      folder,
    );
  }
  // The firmware writes to it
  const own = join(folder, "vars-of-guest.fd");
  copyFileSync(vars, own);
  return {
    firmware: { code: ovmf.code, vars: own },
    sign(module, signed) {
      copyFileSync(module, signed);
      run(join(root, "usr/lib/linux-kbuild-6.1/scripts/sign-file"), ["sha256", key, certificate, signed], folder);
    },
  };
}
