import { dial, isLine } from "../clients/text.ts";
import { startDaemon, untilListening, versionBy } from "../daemon.ts";
import type { Client } from "../load.ts";
import type { Place, Program, Running } from "../program.ts";

const value = "v".repeat(700);
let keys = 0;

/** Sets a key of its own to a new value and reads it back. */
async function redisClient(port: number): Promise<Client> {
  const conversation = await dial(port);
  const key = `key-${keys++}`;
  let turn = 0;
  return {
    async ask() {
      const wanted = `${turn++}-${value}`;
      const set = await conversation.exchange(`SET ${key} ${wanted}\r\n`, isLine);
      const list = await conversation.exchange(`LPUSH list-${key} ${turn}\r\n`, isLine);
      const whole = `$${wanted.length}\r\n${wanted}\r\n`;
      const got = await conversation.exchange(`GET ${key}\r\n`, (received) => received.length >= whole.length);
      return set === "+OK\r\n" && list === `:${turn}\r\n` && got === whole;
    },
    close: conversation.close,
  };
}

async function memcachedClient(port: number): Promise<Client> {
  const conversation = await dial(port);
  const key = `key-${keys++}`;
  let turn = 0;
  return {
    async ask() {
      const wanted = `${turn++}-${value}`;
      const set = await conversation.exchange(`set ${key} 0 0 ${wanted.length}\r\n${wanted}\r\n`, isLine);
      const got = await conversation.exchange(`get ${key}\r\n`, (received) => received.endsWith("END\r\n"));
      return set === "STORED\r\n" && got === `VALUE ${key} 0 ${wanted.length}\r\n${wanted}\r\nEND\r\n`;
    },
    close: conversation.close,
  };
}

const redisFunctions = [
  "processCommand",
  "lookupKey",
  "setGenericCommand",
  "addReply",
  "readQueryFromClient",
  "createStringObject",
  "dictFind",
  "sdsnewlen",
  "call",
  "listTypePush",
  "zmalloc",
];

/** Redis with four threads for input and output, and another allocator where one is given. */
function startRedis(preload?: string): (place: Place) => Promise<Running> {
  return async ({ directory, port }) => {
    const settings = [
      "--port",
      port,
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--io-threads",
      4,
      "--io-threads-do-reads",
      "yes",
    ];
    const daemon = startDaemon("redis-server", settings.map(String), {
      cwd: directory,
      env: { ...process.env, ...(preload !== undefined && { LD_PRELOAD: preload }) },
    });
    await untilListening(daemon, port);
    const open = () => redisClient(port);
    return { module: "/usr/bin/redis-server", functions: redisFunctions, open, log: daemon.log, stop: daemon.stop };
  };
}

const tcmalloc = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4";
const jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

async function startMemcached({ port }: Place): Promise<Running> {
  const settings = ["-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0", "-t", "4", "-m", "64"];
  const daemon = startDaemon("memcached", settings);
  await untilListening(daemon, port);
  const open = () => memcachedClient(port);
  return { module: "/usr/bin/memcached", functions: "all", open, log: daemon.log, stop: daemon.stop };
}

export const stores: Program[] = [
  {
    name: "redis",
    about: "one thread that serves, four for input and output",
    needs: ["/usr/bin/redis-server"],
    packages: "redis-server",
    version: () => versionBy("redis-server", "--version"),
    start: startRedis(),
  },
  {
    name: "memcached",
    about: "stripped; known by its debug file; ten threads",
    needs: ["/usr/bin/memcached"],
    packages: "memcached",
    version: () => versionBy("memcached", "--version"),
    start: startMemcached,
    requestsPerConnection: 100,
  },
  {
    name: "tcmalloc",
    about: "the allocator itself, patched in redis",
    needs: ["/usr/bin/redis-server", tcmalloc],
    packages: "redis-server, libtcmalloc-minimal4",
    version: () => tcmalloc.split("/").at(-1) ?? "?",
    async start(place) {
      const running = await startRedis(tcmalloc)(place);
      const functions = ["malloc", "free", "calloc", "realloc", "malloc_usable_size"].map((name) => `tc_${name}`);
      return { ...running, module: tcmalloc, functions };
    },
  },
  {
    name: "jemalloc",
    about: "the allocator itself, patched in redis",
    needs: ["/usr/bin/redis-server", jemalloc],
    packages: "redis-server, libjemalloc2",
    version: () => jemalloc.split("/").at(-1) ?? "?",
    async start(place) {
      const running = await startRedis(jemalloc)(place);
      return { ...running, module: jemalloc, functions: ["malloc", "free", "calloc", "realloc", "malloc_usable_size"] };
    },
  },
];
