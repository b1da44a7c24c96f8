import { z } from "zod";

/** Windows PowerShell unwraps an array of one. */
const list = <S extends z.ZodType>(item: S) =>
  z.preprocess((value) => (Array.isArray(value) ? value : value == null ? [] : [value]), z.array(item));

const System = z.object({
  caption: z.string(),
  build: z.string().regex(/^\d{5}$/),
  revision: z.number().int().min(0),
  /** Win32_DeviceGuard.VirtualizationBasedSecurityStatus: 0 off, 1 on and not running, 2 running */
  protection: z.number().int().nullable(),
  rebootRequired: z.boolean(),
  fixes: list(z.string().regex(/^[A-Za-z0-9_-]{1,32}$/)),
  history: list(
    z.object({
      title: z.string(),
      at: z.iso.datetime(),
      /** UpdateOperation: 1 installation, 2 uninstallation */
      operation: z.number().int(),
      /** OperationResultCode: 2 succeeded, 3 with errors, 4 failed, 5 aborted */
      result: z.number().int(),
      error: z.number().int(),
    }),
  ),
  now: z.iso.datetime(),
});
export type WindowsSystem = z.infer<typeof System>;

const Installed = z.object({
  offered: z.number().int(),
  restart: z.boolean(),
  result: z.number().int().nullable(),
  error: z.number().int(),
  rebootRequired: z.boolean(),
});
export type Installed = z.infer<typeof Installed>;

/** Reads what `readScript` printed; null where it is something else. */
export function readSystem(text: string): WindowsSystem | null {
  return parsed(System, text);
}

/** Reads what `installScript` printed; null where it is something else. */
export function readInstalled(text: string): Installed | null {
  return parsed(Installed, text);
}

function parsed<S extends z.ZodType>(schema: S, text: string): z.output<S> | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * Whether a month brings a baseline, which wants a restart, or a hotpatch. Microsoft may replace a hotpatch by an unplanned baseline.
 * @param month 1 to 12
 * @see Microsoft Learn, "Hotpatch for Windows Server", Planned baselines: January, April, July, October
 */
export function monthKind(month: number): "baseline" | "hotpatch" {
  return month % 3 === 1 ? "baseline" : "hotpatch";
}

/**
 * Why Microsoft makes no hotpatches for a system; empty where it does. That a subscription covers it only Windows Update knows.
 * @see Microsoft Learn, "Hotpatch for Windows Server" and "Hotpatch updates" (Windows Autopatch), Prerequisites
 */
export function whyIneligible({ caption, build, protection }: WindowsSystem): string {
  const isServer = caption.includes("Server");
  if (isServer && build === "20348" && !caption.includes("Azure Edition"))
    return "of Windows Server 2022 only Datacenter: Azure Edition gets hotpatches";
  if (Number(build) < 26100 && !(isServer && build === "20348"))
    return `there are no hotpatches for ${caption}, build ${build}`;
  if (!isServer && !/Enterprise|Education/.test(caption)) return `there are no hotpatches for ${caption}`;
  return build === "20348" || protection === 2
    ? ""
    : "hotpatches want virtualization-based security, and it does not run: turn it on and restart";
}

/** An HRESULT as it is written in documents: 0x80240016. */
export function hresult(error: number): string {
  return `0x${(error >>> 0).toString(16).padStart(8, "0")}`;
}

/** WU_E_INSTALL_NOT_ALLOWED: another installation goes on, or a restart is due. WU_E_OPERATIONINPROGRESS likewise. */
export const inProgress: readonly number[] = [0x80240016 | 0, 0x80240009 | 0];
