import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { startTarget } from "../support/elf/target.ts";
import { edit, run, unpackSource } from "./sources.ts";

/** The two builds, for `suture build elf`: object files of the source before and after the fix, and the binary that runs. */
export type Builds = { before: string; after: string; target: string };

/** A server that runs the binary: whether the flaw's trigger works, and whether an honest request does. */
export type Running = { isVulnerable(): Promise<boolean>; serves(): Promise<boolean>; stop(): Promise<void> };

/** Somebody else's program or library with a published flaw, built here from its source with the fix taken out. */
type Project = {
  name: string;
  cve: string;
  build: (folder: string) => Builds;
  start: (folder: string, builds: Builds) => Promise<Running>;
};

const compiler = process.env.CC ?? "cc";
const patchable = ["-O2", "-g", "-ffunction-sections", "-fdata-sections"];

/** @see https://nvd.nist.gov/vuln/detail/CVE-2022-37434 */
const zlib: Project = {
  name: "zlib",
  cve: "CVE-2022-37434",
  build(folder) {
    const source = join(folder, "source");
    unpackSource("zlib", source);
    const [before, after] = ["before", "after"].map((name) => join(folder, name)) as [string, string];
    for (const each of [before, after]) mkdirSync(each);
    const flags = [...patchable, "-fPIC", "-D_LARGEFILE64_SOURCE=1", "-DHAVE_UNISTD_H", "-DHAVE_STDARG_H"];
    const compile = (name: string, into: string) =>
      run(compiler, [...flags, "-c", "-o", join(into, name.replace(/c$/, "o")), name], source);
    compile("inflate.c", after);
    edit(
      join(source, "inflate.c"),
      `state->head->extra != Z_NULL &&
                        (len = state->head->extra_len - state->length) <
                            state->head->extra_max) {`,
      `state->head->extra != Z_NULL) {
                        len = state->head->extra_len - state->length;`,
    );
    for (const name of readdirSync(source).filter((each) => each.endsWith(".c"))) compile(name, before);
    const objects = readdirSync(before).map((name) => join(before, name));
    const target = join(folder, "libz.so.1");
    run(compiler, ["-shared", "-Wl,--build-id=uuid,-soname,libz.so.1", "-o", target, ...objects], folder);
    return { before: join(before, "inflate.o"), after: join(after, "inflate.o"), target };
  },
  async start(folder, { target }) {
    const program = join(folder, "inflated");
    const source = join(import.meta.dirname, "inflated.c");
    const here = ["-I", join(folder, "source"), `-Wl,-rpath,${folder}`];
    run(compiler, ["-O2", ...here, "-o", program, source, target], folder);
    const server = await startTarget(program);
    return {
      isVulnerable: async () => (await server.ask("attack")) !== "fine",
      serves: async () => (await server.ask("ok")) === "fine",
      stop: () => server.stop(),
    };
  },
};

/** A request within another's body is answered as one of its own. @see https://nvd.nist.gov/vuln/detail/CVE-2019-20372 */
const nginx: Project = {
  name: "nginx",
  cve: "CVE-2019-20372",
  build(folder) {
    const source = join(folder, "source");
    unpackSource("nginx", source);
    const object = join(source, "objs/src/http/ngx_http_special_response.o");
    const file = join(source, "src/http/ngx_http_special_response.c");
    const rest = "    location = ngx_list_push(&r->headers_out.headers);\n";
    const fix = `    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

`;
    edit(file, fix + rest, rest);
    const without = ["--without-http_rewrite_module", "--without-http_gzip_module"];
    const flags = [`--with-cc-opt=${patchable.join(" ")}`, "--with-ld-opt=-Wl,--build-id=uuid"];
    run("./configure", [...without, ...flags, `--prefix=${folder}`], source);
    run("make", ["-s"], source);
    const [before, after, target] = ["before.o", "after.o", "nginx"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    copyFileSync(object, before);
    copyFileSync(join(source, "objs/nginx"), target);
    edit(file, rest, fix + rest);
    run("make", ["-s", "-f", "objs/Makefile", "objs/src/http/ngx_http_special_response.o"], source);
    copyFileSync(object, after);
    return { before, after, target };
  },
  async start(folder, { target }) {
    const port = await freePort();
    for (const name of ["logs", "html"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "html/index.html"), "hello\n");
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; worker_processes 2; user root; events { worker_connections 64; }
http { access_log off; server { listen 127.0.0.1:${port};
  location /closed { deny all; error_page 403 http://example.org/; } location / { root html; } } }\n`,
    );
    const server = spawnBound(target, ["-p", folder, "-c", "nginx.conf"]);
    const inner = "GET /index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const outer = `GET /closed HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n`;
    const serves = async () => (await ask(port, inner)).includes("hello");
    while (!(await serves())) await sleep(50);
    return {
      isVulnerable: async () => (await ask(port, outer + inner)).includes("hello"),
      serves,
      stop: () => stopBound(server),
    };
  },
};

export const projects = [zlib, nginx];

/** Everything that a server answers to a text until it closes, or says no more for half a second. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port, host: "127.0.0.1", timeout: 500 }, () => socket.write(text));
    socket.on("data", (bytes) => (answer += bytes.toString("latin1")));
    socket.once("timeout", () => socket.destroy());
    socket.once("error", () => socket.destroy());
    socket.once("close", () => resolve(answer));
  });
}
