import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configKeys } from "../config/config.ts";
import { createProgram } from "../program/program.ts";
import { examplesOf } from "../program/verb.ts";
import { describedCommands } from "./commands.ts";
import { completionScript } from "./completion.ts";
import { manPage } from "./man-page.ts";
import { oldWords } from "./old-words.ts";

const program = createProgram();
const commands = describedCommands(program);
const guide = readFileSync(join(import.meta.dirname, "../../docs/agent.md"), "utf8");

/** What bash offers after these words. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `"${word}"`).join(" ");
  const script = `${completionScript("bash", program)}
COMP_WORDS=(suture-agent ${line}); COMP_CWORD=${words.length}; _suture_agent; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync("bash", ["-c", script], { encoding: "utf8" });
  return out.split("\n").filter((word) => word !== "");
}

describe("completion", () => {
  it("of bash offers commands, what belongs to one, and its options, whatever stands between", () => {
    expect(offered("")).toEqual(expect.arrayContaining(["status", "enroll", "config", "--version"]));
    expect(offered("un")).toEqual(expect.arrayContaining(["undo", "unpin", "unenroll"]));
    expect(offered("config", "")).toEqual(expect.arrayContaining(["show", "check", "set", "unset"]));
    expect(offered("config", "show", "--j")).toEqual(["--json"]);
    expect(offered("status", "--state", "/tmp/x", "--")).toContain("--json");
    expect(offered("enroll", "--tok")).toEqual(["--token", "--token-file"]);
  });

  it.each(["zsh", "fish"])("of %s names every command, and the shell can read it where it is here", (shell) => {
    const script = completionScript(shell, program);
    for (const { words } of commands) expect(script).toContain(words.split(" ").at(-1));
    const folder = mkdtempSync(join(tmpdir(), "suture-completion-"));
    writeFileSync(join(folder, "script"), script);
    const { error, status, stderr } = spawnSync(shell, ["--no-execute", join(folder, "script")], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("the manual page", () => {
  const page = manPage(program, "1.2.3", examplesOf);

  it("has every command with its options and an example, and every key", () => {
    for (const { words, command, isGroup } of commands) {
      if (isGroup) continue;
      expect(page).toContain(`.SS "${words}`);
      expect(examplesOf(command).length, words).toBeGreaterThan(0);
      for (const { flags } of command.options) expect(page).toContain(`.B "${flags.replaceAll("-", "\\-")}"`);
    }
    for (const { path } of configKeys) expect(page).toContain(`.B "${path}"`);
  });

  it("is troff that says nothing wrong, where groff is here to judge", () => {
    const { error, stderr } = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-z"], { input: page, encoding: "utf8" });
    if (error === undefined) expect(stderr).toBe("");
    expect(page.split("\n").filter((line) => /^['.](?![A-Z]{1,2}\b|nf|fi)/.test(line))).toEqual([]);
  });
});

it("what another client's word is called here is a command of ours, and the guide says the same", () => {
  const names = ["help", ...program.commands.map((command) => command.name())];
  for (const { client, theirs, ours } of oldWords) {
    expect(names).toContain(ours.split(" ")[0]);
    const row = guide.split("\n").find((line) => line.includes(`\`${theirs}\``) && line.includes(client));
    expect(row, `${client} ${theirs}`).toContain(`\`${ours}\``);
  }
});

it("the guide names every command", () => {
  for (const { words, isGroup } of commands) {
    const [first = "", second] = words.split(" ");
    if (!isGroup)
      expect(guide, words).toMatch(
        new RegExp(`^\\| .*\`${first}\\b${second === undefined ? "" : `.*\\b${second}\\b`}`, "m"),
      );
  }
});
