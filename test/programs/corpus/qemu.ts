import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionBy } from "../daemon.ts";
import type { Place, Program, Running } from "../program.ts";
import { talk, workloads } from "./talk.ts";

const sectorBytes = 512;
/** The guest reads sectors 1 to 64, each of which begins with its number. */
const sectors = 64;

async function startQemu({ directory }: Place): Promise<Running> {
  const [object, boot, disk] = ["guest.o", "boot", "disk"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  execFileSync("as", ["--32", "-o", object, join(workloads, "guest.s")]);
  execFileSync("ld", ["-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", boot, object]);
  const contents = Buffer.alloc(2 * sectors * sectorBytes);
  readFileSync(boot).copy(contents);
  for (let sector = 1; sector <= sectors; sector++) contents.writeUInt32LE(sector, sector * sectorBytes);
  writeFileSync(disk, contents);
  const devices = ["-display", "none", "-monitor", "none", "-serial", "stdio", "-net", "none"];
  const machine = ["-accel", "tcg", "-m", "16", "-drive", `file=${disk},format=raw,if=ide,cache=writethrough`];
  return talk(
    "/usr/bin/qemu-system-x86_64",
    [
      "qemu_coroutine_switch",
      "qemu_coroutine_enter",
      "qemu_aio_coroutine_enter",
      "qemu_coroutine_yield",
      "qemu_coroutine_create",
      "qemu_co_mutex_lock",
      "bdrv_co_preadv",
      "bdrv_co_preadv_part",
      "blk_co_preadv",
      "blk_aio_preadv",
      "thread_pool_submit_co",
      "thread_pool_submit_aio",
      "aio_bh_poll",
      "aio_dispatch",
      "timerlist_run_timers",
      "memory_region_dispatch_read",
      "memory_region_dispatch_write",
      "ide_exec_cmd",
      "ide_ioport_read",
      "ide_data_readw",
      "ide_buffered_readv",
      "cpu_exec_start",
      "cpu_exec_end",
      "pic_read_irq",
    ],
    "/usr/bin/qemu-system-x86_64",
    [...devices, ...machine],
  );
}

export const qemu: Program = {
  name: "qemu",
  about: "coroutines that wait for a disk, and a guest whose code it makes while it runs",
  needs: ["/usr/bin/qemu-system-x86_64", "as", "ld"],
  packages: "qemu-system-x86, binutils",
  version: () => versionBy("/usr/bin/qemu-system-x86_64", "--version"),
  start: startQemu,
  connections: 1,
  pauseMillis: 2,
};
