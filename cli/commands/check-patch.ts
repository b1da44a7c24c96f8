import { zstdDecompressSync } from "node:zlib";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import type { ElfVariant } from "../../protocol/wire/patch.ts";
import { type BindingReport, checkBinding } from "../elf/check/binding.ts";
import { withProgram } from "../elf/check/program-files.ts";
import { faultOfReplaced } from "../elf/target/replaced-by-hand.ts";
import type { Result } from "../io.ts";
import { buildOfFile, maxSearchedBytes, type ReadPatch, readPatchFolder } from "../patch-folder.ts";
import { withRegularFile } from "../regular-file.ts";

type Checked = { target: string; buildId: string } & Omit<BindingReport, "issues">;

/**
 * `suture check FOLDER`: binds each of a patch's elf payloads to its target, by the rules that the agent has.
 * @throws SutureError `invalid-patch` with everything that does not fit; `invalid-request` where no target is given
 */
export async function checkPatch(
  folder: string,
  targets: readonly string[] | undefined,
  libraryPath: readonly string[],
): Promise<Result> {
  const patch = await readPatchFolder(folder, "edge");
  const files = targets ?? patch.binaries;
  if (files.length === 0)
    throw new SutureError("invalid-request", `${folder}/patch.json names builds alone: give their files with --target`);
  const checked: Checked[] = [];
  const issues: { path: string; reason: string }[] = [];
  for (const target of files) {
    const buildId = await buildOfTarget(target);
    const at = patch.manifest.variants.findIndex((each) => each.engine === "elf" && each.match.buildId === buildId);
    const variant = patch.manifest.variants[at];
    if (variant?.engine !== "elf") {
      throw new SutureError(
        "invalid-patch",
        `${folder}/patch.json has no variant for ${target}, which is build ${buildId}`,
      );
    }
    const { issues: found, ...report } = await bindTo(target, variant, payloadOf(patch, variant), libraryPath);
    checked.push({ target, buildId, ...report });
    const fault = await faultOf(target, variant);
    if (fault && !found.some(({ path }) => path === fault.path)) found.push(fault);
    issues.push(
      ...found.map(({ path, reason }) => ({ path: `variants[${at}].${path}`, reason: `${target}: ${reason}` })),
    );
  }
  const [first] = issues;
  if (first)
    throw new SutureError("invalid-patch", `${folder}/patch.json: ${first.path}: ${first.reason}`, {
      data: { issues },
    });
  return { json: { targets: checked }, lines: checked.flatMap(linesOf) };
}

async function buildOfTarget(path: string): Promise<string> {
  const build = await withRegularFile(path, buildOfFile).catch((cause: unknown) => {
    throw new SutureError("invalid-request", `${path} cannot be read: ${describeError(cause)}`, { cause });
  });
  if (build === null) throw new SutureError("invalid-request", `${path} is no 64-bit ELF file with code`);
  return build;
}

/** Whether a function of the target cannot be replaced by a payload that was written by hand; null where nothing speaks against it. */
async function faultOf(target: string, { functions }: ElfVariant): Promise<BindingReport["issues"][number] | null> {
  const bytes = await withRegularFile(target, async (file) =>
    (await file.stat()).size > maxSearchedBytes ? null : await file.readFile(),
  );
  const fault = bytes && faultOfReplaced({ path: target, bytes }, functions);
  return fault && { path: `functions[${fault.at}].${fault.field}`, reason: fault.reason };
}

async function bindTo(
  target: string,
  variant: ElfVariant,
  payload: ElfFile,
  libraryPath: readonly string[],
): Promise<BindingReport> {
  try {
    return await withProgram(target, libraryPath, (program) => checkBinding(variant, payload, program));
  } catch (cause) {
    if (!isSutureError(cause, "unsupported")) throw cause;
    throw new SutureError("invalid-request", `${target} cannot be used: ${cause.message}`, { cause });
  }
}

/** The payload as it would be stored, unpacked. */
function payloadOf({ bundles }: ReadPatch, { bundle }: ElfVariant): ElfFile {
  const stored = bundles.find(({ sha256 }) => sha256 === bundle.sha256);
  return new ElfFile(zstdDecompressSync(stored?.bytes ?? Buffer.alloc(0), { maxOutputLength: bundle.payload.size }));
}

function linesOf({ target, buildId, functions, undecided }: Checked): string[] {
  return [
    `${target}, build ${buildId}: the payload binds.`,
    ...functions.map(({ name, address, size }) => `  replaces  ${name}  at ${address}, ${size} bytes`),
    ...undecided.map(({ name, reason }) => `  decided later  ${name}  ${reason}`),
  ];
}
