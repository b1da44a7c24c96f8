#!/usr/bin/env node
import { homedir } from "node:os";
import { runSuture } from "./program.ts";

// a reader that has seen enough, as in `| head`, closes the pipe: that ends the printing and is not a failure
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(process.exitCode ?? 0);
  });
}

process.exitCode = await runSuture(process.argv.slice(2), {
  env: process.env,
  home: homedir(),
  now: () => new Date(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  watched: process.stderr.isTTY ?? false,
});
