import { readSync } from "node:fs";
import { type FileHandle, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { buildOf } from "../protocol/build-id.ts";
import { ElfFile } from "../protocol/elf/elf-file.ts";
import { describeError, isSutureError, SutureError } from "../protocol/errors.ts";
import { orderBytes } from "../protocol/order.ts";
import { digestOf } from "../protocol/trust/edit.ts";
import type { Channel } from "../protocol/wire/names.ts";
import { parseJson } from "../protocol/wire/parse.ts";
import {
  type ElfVariant,
  Manifest,
  maxPayloadBytes,
  PatchSource,
  type UnbundledVariant,
  type Variant,
} from "../protocol/wire/patch.ts";
import { checkBinding } from "./elf/check/binding.ts";
import { withProgram } from "./elf/check/program-files.ts";
import { faultOfReplaced } from "./elf/target/replaced-by-hand.ts";
import { klpVariant } from "./kernel-variant.ts";
import { withRegularFile } from "./regular-file.ts";

const compress = promisify(zstdCompress);
const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 1 },
};
const elf64 = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const machineX86 = 62;
/** The functions of a larger target are not looked up before an agent does it. */
export const maxSearchedBytes = 1024 * 1024 * 1024;

/** A payload as it is stored. */
export type BundleFile = { sha256: string; bytes: Uint8Array; payload: string };
/** `binaries`: the targets that patch.json names as files. */
export type ReadPatch = { manifest: Manifest; text: string; bundles: BundleFile[]; binaries: string[] };

/**
 * Reads and checks a folder with a `patch.json` (docs/patch-format.md), and makes of it what is published: the manifest and the
 * bundles. The same folder gives the same bytes.
 * @throws SutureError `invalid-patch`; its `data.issues` name each path in `patch.json` and the reason
 */
export async function readPatchFolder(directory: string, channel: Channel): Promise<ReadPatch> {
  const file = join(directory, "patch.json");
  const source = parseJson(PatchSource, await readSource(file), file, "invalid-patch");
  const variants: Variant[] = [];
  const bundles = new Map<string, BundleFile>();
  for (const [at, variant] of source.variants.entries()) {
    const refuse = refusal(file, `variants[${at}]`);
    const { payload, ...described } = await describe(directory, variant, refuse);
    const target = targetOf(described);
    const twin = variants.findIndex((other) => targetOf(other) === target);
    if (twin >= 0) throw refuse("match", `the same target as variants[${twin}]`);
    const bytes = await compress(payload, compression);
    const { sha256, length: size } = digestOf(bytes);
    const { sha256: payloadSha256, length } = digestOf(payload);
    bundles.set(sha256, { sha256, bytes, payload: "payload" in variant ? variant.payload : target });
    variants.push({
      ...described,
      bundle: { sha256, size, encoding: "zstd", payload: { sha256: payloadSha256, size: length } },
    });
  }
  const { $schema: _schema, variants: _variants, product, ...description } = source;
  const manifest = Manifest.parse({ manifest: 1, product, channel, ...description, variants });
  const binaries = source.variants.flatMap((each) =>
    each.engine === "elf" && "binary" in each.match ? [resolve(directory, each.match.binary)] : [],
  );
  return { manifest, text: JSON.stringify(manifest), bundles: [...bundles.values()], binaries };
}

type Refuse = (path: string, reason: string, cause?: unknown) => SutureError;

function refusal(file: string, base: string): Refuse {
  return (path, reason, cause) => {
    const issue = { path: `${base}.${path}`, reason };
    return new SutureError("invalid-patch", `${file}: ${issue.path}: ${reason}`, { cause, data: { issues: [issue] } });
  };
}

async function readSource(file: string): Promise<string> {
  try {
    return await withRegularFile(file, (handle) => handle.readFile("utf8"));
  } catch (cause) {
    throw new SutureError("invalid-patch", `${file} cannot be read. A patch is a folder with a patch.json`, { cause });
  }
}

/** What a variant is for, in words: a build, a kernel, or a level of another's client. */
export function targetOf(variant: UnbundledVariant): string {
  if (variant.engine === "elf") return `build ${variant.match.buildId}`;
  if (variant.engine === "klp") return `kernel ${variant.match.kernel}`;
  return `${variant.engine} ${variant.level}, ${variant.match.arch}`;
}

type Source = PatchSource["variants"][number];
type ElfSource = Extract<Source, { engine: "elf" }>;

/** What the manifest says of a variant, and its payload: a file of the folder, or the order to another's client. */
async function describe(
  directory: string,
  source: Source,
  refuse: Refuse,
): Promise<UnbundledVariant & { payload: Buffer }> {
  if (!("payload" in source)) return { ...source, payload: orderBytes(source) };
  const payload = await readElf(await payloadPath(directory, source.payload, refuse), "payload", refuse);
  const described =
    source.engine === "elf"
      ? await elfVariant(directory, source, payload, refuse)
      : klpVariant(source, payload, refuse);
  return { ...described, payload };
}

async function elfVariant(
  directory: string,
  { match, payload: name, ...options }: ElfSource,
  payload: Buffer,
  refuse: Refuse,
): Promise<Omit<ElfVariant, "bundle">> {
  const { functions } = options;
  for (const [at, { replacement }] of functions.entries()) {
    // Enough for a typing error: the symbol table holds each name with a zero byte after it
    if (!payload.includes(`${replacement}\0`)) {
      throw refuse(`functions[${at}].replacement`, `${name} has no symbol ${replacement}`);
    }
  }
  const buildId =
    "buildId" in match ? match.buildId : await buildIdOfBinary(directory, match.binary, functions, refuse);
  if ("binary" in match) await expectBinding(resolve(directory, match.binary), { functions }, payload, refuse);
  return { ...options, match: { buildId, arch: "x86_64" } };
}

/** Binds the payload to the target that is here: what no host can apply is not published. */
async function expectBinding(
  binary: string,
  variant: Pick<ElfVariant, "functions">,
  payload: Buffer,
  refuse: Refuse,
): Promise<void> {
  const report = await withProgram(binary, null, (program) =>
    checkBinding(variant, new ElfFile(payload), program),
  ).catch((cause: unknown) => {
    throw refuse("match.binary", `${binary} cannot be used: ${describeError(cause)}`, cause);
  });
  const [issue] = report.issues;
  if (issue) throw refuse(issue.path, `${binary}: ${issue.reason}`);
}

/**
 * A payload's path, links followed. What a folder that came from somebody else publishes is in the folder: a path that leads out of it
 * would publish a file of the publisher's host.
 */
async function payloadPath(directory: string, name: string, refuse: Refuse): Promise<string> {
  const missing = (cause: unknown) => refuse("payload", `${join(directory, name)} does not exist`, cause);
  const folder = await realpath(directory);
  const path = await realpath(resolve(directory, name)).catch((cause: unknown) => {
    throw missing(cause);
  });
  const inside = relative(folder, path);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside))
    throw refuse("payload", `${name} leads out of the patch's folder, to ${path}: copy the file into the folder`);
  return path;
}

/** Reads a whole ELF file after its size and kind are known to be right; the same file that was looked at, without waiting for a FIFO. */
async function readElf(path: string, field: string, refuse: Refuse): Promise<Buffer> {
  const bytes = await withRegularFile(path, async (file) => {
    const { size } = await file.stat();
    if (size > maxPayloadBytes) throw refuse(field, `${path} is larger than ${maxPayloadBytes} bytes`);
    return await file.readFile();
  }).catch((cause: unknown) => {
    if (isSutureError(cause, "invalid-patch")) throw cause;
    throw refuse(field, `${path} cannot be read: ${describeError(cause)}`, cause);
  });
  const isElf = bytes.length >= 64 && bytes.subarray(0, elf64.length).equals(elf64);
  if (!isElf) throw refuse(field, `${path} is no 64-bit little-endian ELF file`);
  if (bytes.readUInt16LE(18) !== machineX86) throw refuse(field, `${path} is not for x86_64`);
  return bytes;
}

/** The build of a target's file, which is looked over where it is there: it has the functions, and they can be replaced by hand. */
async function buildIdOfBinary(
  directory: string,
  name: string,
  functions: ElfSource["functions"],
  refuse: Refuse,
): Promise<string> {
  const path = resolve(directory, name);
  const unreadable = (cause: unknown) =>
    refuse("match.binary", `${path} cannot be read: ${describeError(cause)}`, cause);
  const buildId = await withRegularFile(path, buildOfFile).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  if (buildId === null) throw refuse("match.binary", `${path} is no 64-bit ELF file with code`);
  const bytes = await withRegularFile(path, async (file) =>
    (await file.stat()).size > maxSearchedBytes ? null : await file.readFile(),
  ).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  const fault = bytes && faultOfReplaced({ path, bytes }, functions);
  if (fault) throw refuse(`functions[${fault.at}].${fault.field}`, fault.reason);
  return buildId;
}

/** A target may be gigabytes, so it is read piece by piece: its headers and notes, and its code where those name no build. */
export async function buildOfFile({ fd }: FileHandle): Promise<string | null> {
  return buildOf((offset, length) => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  });
}
