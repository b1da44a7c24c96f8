import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { runProgram } from "./programs.ts";

it("a program that waits for a stranger who says nothing is ended, and it is said which one", async () => {
  const sockets = new Set<Socket>();
  const stranger = createServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const address = stranger.address();
  const server = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  try {
    const waiting = runProgram(
      "cli/main.ts",
      ["machines", "--customer", "globex", "--json"],
      { SUTURE_SERVICE: server, SUTURE_TOKEN: "t" },
      2_000,
    );
    await expect(waiting).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^cli\/main\.ts machines --customer had not ended after 2 s/),
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    stranger.close();
  }
});
