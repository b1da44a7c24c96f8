import { execFileSync } from "node:child_process";
import { chownSync, globSync } from "node:fs";
import { join } from "node:path";
import { childClient, type Question } from "../clients/child.ts";
import { find, startDaemon, untilListening, versionBy } from "../daemon.ts";
import type { Place, Program, Running } from "../program.ts";

/** A query whose answer needs sorting, hashing and text, in a way that no cache holds. */
function query(turn: number): Question {
  const line = `select count(*) || '-' || sum(n * ${turn % 97}) || '-' || max(t) from numbers where n % 2 = 0;`;
  const sum = 2 * 2550 * (turn % 97); // 2 + 4 + … + 100, twice over
  return { line, answer: `100-${sum}-text 99` };
}

function userId(name: string): number {
  return Number(execFileSync("id", ["-u", name], { encoding: "utf8" }));
}

function postgresPath(): string {
  return globSync("/usr/lib/postgresql/*/bin").sort().at(-1) ?? "/usr/lib/postgresql";
}

async function startPostgres({ directory, port }: Place): Promise<Running> {
  chownSync(directory, userId("postgres"), -1);
  const bin = postgresPath();
  const data = join(directory, "data");
  const as = (command: string, ...args: string[]) => ["-u", "postgres", "--", join(bin, command), ...args];
  execFileSync("runuser", as("initdb", "-D", data, "-A", "trust", "--no-sync"), { cwd: directory, stdio: "pipe" });
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${directory}`,
    "autovacuum=off",
  ];
  const daemon = startDaemon(
    "runuser",
    as("postgres", "-D", data, ...["fsync=off", "max_parallel_workers=0", ...settings].flatMap((each) => ["-c", each])),
    { cwd: directory, stopSignal: "SIGINT" },
  );
  await untilListening(daemon, port);
  const connection = ["-qAtX", "-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "postgres"];
  const table = "select i % 101 as n, 'text ' || i % 100 as t from generate_series(0, 201) i where i % 101 > 0";
  execFileSync(join(bin, "psql"), [...connection, "-c", `create table numbers as ${table}`]);
  return {
    module: join(bin, "postgres"),
    functions: [
      "exec_simple_query",
      "pg_parse_query",
      "raw_parser",
      "parse_analyze_fixedparams",
      "standard_planner",
      "ExecInitNode",
      "standard_ExecutorRun",
      "ExecProcNode",
      "heap_getnextslot",
      "palloc",
      "AllocSetAlloc",
      "hash_search",
      "SearchSysCache1",
      "int4mul",
      "text_larger",
      "ReadCommand",
      "errstart",
      "LockAcquireExtended",
      "GetSnapshotData",
      "WaitEventSetWait",
    ],
    open: () => childClient(join(bin, "psql"), connection, query),
    // the load's connections come and go, and each is a process
    mayEnd: (commandLine) => /127\.0\.0\.1\(\d+\)/.test(commandLine),
    log: daemon.log,
    stop: daemon.stop,
  };
}

async function startMariadb({ directory, port }: Place): Promise<Running> {
  chownSync(directory, userId("mysql"), -1);
  const data = join(directory, "data");
  const quiet = { stdio: "pipe" as const };
  execFileSync(
    "mariadb-install-db",
    [
      "--no-defaults",
      `--datadir=${data}`,
      "--user=mysql",
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ],
    quiet,
  );
  const settings = [`--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${directory}/socket`];
  const daemon = startDaemon("mariadbd", [
    "--no-defaults",
    "--user=mysql",
    "--innodb-flush-method=fsync",
    "--sql-mode=PIPES_AS_CONCAT",
    `--pid-file=${directory}/pid`,
    ...settings,
  ]);
  await untilListening(daemon, port);
  const connection = ["--no-defaults", "-h", "127.0.0.1", "-P", String(port), "-u", "root", "-N", "-B", "-A", "-n"];
  const table = "select seq % 101 as n, concat('text ', seq % 100) as t from seq_0_to_201 where seq % 101 > 0";
  execFileSync("mariadb", [...connection, "mysql", "-e", `create table numbers as ${table}`], quiet);
  return {
    module: "/usr/sbin/mariadbd",
    functions: [
      "my_hash_search",
      "my_malloc",
      "my_free",
      "alloc_root",
      "strmake_root",
      "my_hash_insert",
      "my_hash_delete",
      "net_real_write",
      "my_net_write",
      "vio_write",
      "lf_hash_search",
      "mi_rkey",
      "my_strnncollsp_utf8mb3_general_ci",
      "my_b_write_tail",
      "free_root",
      "init_dynamic_array2",
      "delete_dynamic",
      "my_multi_malloc",
      "thr_lock",
      "thr_unlock",
      "queue_insert",
      "my_time_to_str",
      "my_strtod",
    ],
    open: () => childClient("mariadb", [...connection, "mysql"], query),
    log: daemon.log,
    stop: daemon.stop,
  };
}

export const databases: Program[] = [
  {
    name: "postgresql",
    about: "a process for each connection, and four that keep house",
    needs: ["/usr/lib/postgresql", "runuser"],
    packages: "postgresql",
    version: () => versionBy(find(`${postgresPath()}/postgres`) ?? "postgres", "--version"),
    start: startPostgres,
    requestsPerConnection: 40,
  },
  {
    name: "mariadb",
    about: "a thread for each connection, and a pool that writes",
    needs: ["mariadbd", "mariadb-install-db", "mariadb"],
    packages: "mariadb-server",
    version: () => versionBy("mariadbd", "--version"),
    start: startMariadb,
    requestsPerConnection: 40,
  },
];
