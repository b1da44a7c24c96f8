import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { expect, test } from "vitest";
import { serviceManager } from "./service-manager.ts";

/** A service manager's end: what has been said to it so far, datagram by datagram. */
function listenAt(path: string) {
  const libc = koffi.load(null);
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : path);
  const address = Buffer.concat([Buffer.from([1, 0]), name]);
  const socket = libc.func("int socket(int family, int type, int protocol)")(1, 2, 0);
  expect(libc.func("int bind(int socket, void *address, unsigned int size)")(socket, address, address.length)).toBe(0);
  const receive = libc.func("intptr_t recv(int socket, void *into, size_t size, int flags)");
  const buffer = Buffer.alloc(4096);
  return {
    heard(): string[] {
      const dontWait = 0x40;
      const length = receive(socket, buffer, buffer.length, dontWait);
      return length < 0 ? [] : [buffer.toString("utf8", 0, length), ...this.heard()];
    },
    close: () => libc.func("int close(int socket)")(socket),
  };
}

const folder = mkdtempSync(join(tmpdir(), "notify-"));
test.each([join(folder, "socket"), `@suture-notify-${process.pid}`])(
  "systemd hears at %s that the agent is up, alive and stopping",
  async (path) => {
    const systemd = listenAt(path);
    const manager = await serviceManager({ NOTIFY_SOCKET: path });
    manager.ready();
    manager.alive();
    manager.stopping();
    expect(systemd.heard()).toEqual(["READY=1", "WATCHDOG=1", "STOPPING=1"]);
    systemd.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

test("without a service manager, or with one that has gone, telling it does nothing", async () => {
  for (const environment of [{}, { NOTIFY_SOCKET: "" }, { NOTIFY_SOCKET: "/nowhere/at/all" }])
    (await serviceManager(environment)).alive();
});
