#!/usr/bin/env node
import { homedir } from "node:os";
import { runSuture } from "./program.ts";

process.exitCode = await runSuture(process.argv.slice(2), {
  env: process.env,
  home: homedir(),
  now: () => new Date(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  watched: process.stderr.isTTY ?? false,
});
