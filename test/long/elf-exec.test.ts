import { expect, test } from "vitest";
import { attackByExec } from "../support/elf/exec-race.ts";

const minutes = 60_000;

test(
  "in 1,000 rounds no process that executes a setuid program while it is patched changes what that does",
  async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("only root can make a setuid program");
    const attacks = await attackByExec(1000);
    console.log(`${attacks.rounds} rounds, ${attacks.met} of them met by the engine`);
    expect(attacks).toMatchObject({ changed: 0 });
    expect(attacks.met).toBeGreaterThan(0);
  },
  40 * minutes,
);
