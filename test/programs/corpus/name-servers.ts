import { chmodSync, globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dnsClient } from "../clients/dns.ts";
import { type Daemon, startDaemon, untilReady, versionBy } from "../daemon.ts";
import type { Place, Program, Running } from "../program.ts";

const [host, address] = ["host.corpus.test", "192.0.2.77"];

/** Waits for the first right reply, and makes what the harness works with. */
async function serve(
  daemon: Daemon,
  port: number,
  module: string,
  functions: readonly string[] | "all",
): Promise<Running> {
  const open = () => dnsClient(port, host, address);
  await untilReady(daemon, async () => {
    const client = await open();
    return client.ask().finally(() => client.close());
  });
  return { module, functions, open, log: daemon.log, stop: daemon.stop };
}

function startDnsmasq({ port }: Place): Promise<Running> {
  const settings = [
    "--keep-in-foreground",
    "--no-resolv",
    "--no-hosts",
    "--conf-file=/dev/null",
    "--user=nobody",
    "--pid-file",
  ];
  const own = [`--port=${port}`, "--listen-address=127.0.0.1", "--bind-interfaces", `--address=/${host}/${address}`];
  const daemon = startDaemon("dnsmasq", [...settings, ...own, "--log-facility=-"]);
  return serve(daemon, port, "/usr/sbin/dnsmasq", "all");
}

function startUnbound({ directory, port }: Place): Promise<Running> {
  writeFileSync(
    join(directory, "unbound.conf"),
    `server:\n  interface: 127.0.0.1\n  port: ${port}\n  num-threads: 4\n  do-daemonize: no\n  use-syslog: no\n  chroot: ""\n  username: ""
  directory: "${directory}"\n  pidfile: ""\n  module-config: "iterator"\n  local-zone: "corpus.test." static
  local-data: "${host}. A ${address}"\nremote-control:\n  control-enable: no\n`,
  );
  const daemon = startDaemon("unbound", ["-d", "-c", join(directory, "unbound.conf")]);
  return serve(daemon, port, "/usr/sbin/unbound", "all");
}

function startNamed({ directory, port }: Place): Promise<Running> {
  chmodSync(directory, 0o777);
  writeFileSync(
    join(directory, "named.conf"),
    `options { directory "${directory}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none;
  session-keyfile none; managed-keys-directory "${directory}"; };
controls { };
zone "corpus.test" { type primary; file "${directory}/zone"; };\n`,
  );
  const zone = `$TTL 60\n@ IN SOA ns root 1 60 60 60 60\n@ IN NS ns\nns IN A 127.0.0.1\nhost IN A ${address}\n`;
  writeFileSync(join(directory, "zone"), zone);
  const daemon = startDaemon("named", ["-g", "-n", "4", "-u", "bind", "-c", join(directory, "named.conf")]);
  const [library = "libdns is missing"] = globSync("/usr/lib/x86_64-linux-gnu/libdns-9.*.so");
  return serve(daemon, port, library, [
    "dns_message_parse",
    "dns_message_rendersection",
    "dns_name_fromwire",
    "dns_name_fullcompare",
    "dns_name_towire",
    "dns_compress_findglobal",
    "dns_zt_find",
    "dns_db_findext",
    "dns_view_simplefind",
    "dns_rdataset_towiresorted",
    "dns_message_reply",
    "dns_acl_match",
  ]);
}

export const nameServers: Program[] = [
  {
    name: "dnsmasq",
    about: "one thread; stripped; known by its debug file",
    needs: ["/usr/sbin/dnsmasq"],
    packages: "dnsmasq-base",
    version: () => versionBy("dnsmasq", "--version"),
    start: startDnsmasq,
  },
  {
    name: "unbound",
    about: "four threads; stripped; known by its debug file",
    needs: ["/usr/sbin/unbound"],
    packages: "unbound",
    version: () => versionBy("unbound", "-V"),
    start: startUnbound,
  },
  {
    name: "bind9",
    about: "its library of names and messages, with four loops",
    needs: ["/usr/sbin/named"],
    packages: "bind9",
    version: () => versionBy("named", "-v"),
    start: startNamed,
  },
];
