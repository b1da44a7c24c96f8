import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { httpClient } from "../clients/http.ts";
import { freePort, startDaemon, untilListening, versionBy } from "../daemon.ts";
import type { Place, Program, Running } from "../program.ts";

const page = `${"a line of the page\n".repeat(500)}`;

async function startNginx({ directory, port }: Place): Promise<Running> {
  for (const name of ["logs", "html", "temporary"]) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, "html/page.txt"), page);
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/temporary/${name};`,
  );
  writeFileSync(
    join(directory, "nginx.conf"),
    `daemon off; pid ${directory}/pid; worker_processes 2; events { worker_connections 64; }
http { ${folders.join(" ")} access_log ${directory}/logs/access.log; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port}; gzip on; gzip_types text/plain; root ${directory}/html; } }\n`,
  );
  const daemon = startDaemon("nginx", ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", "stderr"], {
    stopSignal: "SIGTERM",
  });
  await untilListening(daemon, port);
  return {
    module: "/usr/sbin/nginx",
    functions: [
      "ngx_http_process_request",
      "ngx_http_handler",
      "ngx_http_finalize_request",
      "ngx_http_send_header",
      "ngx_palloc",
      "ngx_http_output_filter",
      "ngx_http_log_request",
      "ngx_event_process_posted",
      "ngx_rbtree_insert",
      "ngx_open_cached_file",
    ],
    open: () => httpClient(port, "/page.txt", page),
    log: daemon.log,
    stop: daemon.stop,
  };
}

async function startHaproxy({ directory, port }: Place): Promise<Running> {
  mkdirSync(join(directory, "behind"), { recursive: true });
  const inner = await freePort();
  const behind = await startNginx({ directory: join(directory, "behind"), port: inner });
  writeFileSync(
    join(directory, "haproxy.cfg"),
    `global\n  nbthread 4\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 30s\n  timeout client 60s\n  timeout server 60s
frontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b\n  option http-keep-alive\n  server s 127.0.0.1:${inner} check inter 200\n`,
  );
  const daemon = startDaemon("haproxy", ["-db", "-f", join(directory, "haproxy.cfg")]);
  await untilListening(daemon, port);
  return {
    module: "/usr/sbin/haproxy",
    functions: [
      "http_wait_for_request",
      "http_process_req_common",
      "process_stream",
      "stream_new",
      "h1_parse_msg_hdrs",
      "http_wait_for_response",
      "channel_forward",
      "conn_subscribe",
      "pool_alloc_nocache",
      "task_wakeup",
      "wake_expired_tasks",
      "process_runnable_tasks",
      "sess_build_logline",
      "htx_add_header",
      "http_find_header",
    ],
    open: () => httpClient(port, "/page.txt", page),
    log: daemon.log,
    async stop() {
      await daemon.stop();
      await behind.stop();
    },
  };
}

export const webServers: Program[] = [
  {
    name: "nginx",
    about: "a master and two workers that serve pages",
    needs: ["/usr/sbin/nginx"],
    packages: "nginx-light",
    version: () => versionBy("nginx", "-v"),
    start: startNginx,
    requestsPerConnection: 50,
  },
  {
    name: "haproxy",
    about: "a proxy with four threads in front of nginx",
    needs: ["/usr/sbin/haproxy", "/usr/sbin/nginx"],
    packages: "haproxy, nginx-light",
    version: () => versionBy("haproxy", "-v"),
    start: startHaproxy,
    requestsPerConnection: 50,
  },
];
