import { expect, test } from "vitest";
import { createFileCache } from "../../agent/engines/elf/file-cache.ts";
import { findGadgets } from "../../agent/engines/elf/gadgets.ts";
import { injectCall } from "../../agent/engines/elf/inject.ts";
import { readModules } from "../../agent/engines/elf/modules.ts";
import { x86_64 } from "../../agent/engines/elf/x86-64.ts";
import { openMemory } from "../../agent/system/proc.ts";
import { attackByExec } from "../support/elf/exec-race.ts";
import { elfFixture } from "../support/elf/fixture.ts";

const host = elfFixture();

test("a thread that does not have the memory that was examined, as that of a later process of the same number, is left as it was", async () => {
  const [examined, other] = [await host.start("flat"), await host.start("flat")];
  const [maps, code] = [other.maps(), other.code()];
  const memory = openMemory(examined.pid);
  try {
    const gadgets = findGadgets(x86_64, readModules(other.pid, createFileCache()).modules, openMemory(other.pid));
    const nothing = () => {};
    const target = { pid: other.pid, machine: x86_64, gadgets, memory, slots: [], onStep: nothing, rehearse: nothing };
    const call = { address: 0x2000_0000, size: 4096, protection: "read", overOwn: false } as const;
    await expect(injectCall(target, call)).rejects.toMatchObject({ code: "not-applicable" });
    expect([other.maps(), other.code().equals(code)]).toEqual([maps, true]);
    expect([await other.ask("value"), await examined.ask("value")]).toEqual(["3", "3"]);
  } finally {
    memory.close();
  }
});

test("an ordinary user's process that executes a setuid program under the engine's hands gains nothing by it", async ({
  skip,
}) => {
  if (process.getuid?.() !== 0) skip("only root can make a setuid program");
  const attacks = await attackByExec(6);
  expect(attacks).toMatchObject({ changed: 0 });
}, 60_000);
