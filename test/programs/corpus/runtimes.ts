import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { find, versionBy } from "../daemon.ts";
import type { Program } from "../program.ts";
import { talk, workloads } from "./talk.ts";

const firstOf = (pattern: string) => globSync(pattern).sort().at(0) ?? pattern;
const libruby = () => firstOf("/usr/lib/x86_64-linux-gnu/libruby-3.*.so.3.?");
const libjvm = () => firstOf("/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so");
const java = "/usr/lib/jvm/java-17-openjdk-amd64/bin/java";

const one = { connections: 1, pauseMillis: 5 };

export const runtimes: Program[] = [
  {
    ...one,
    name: "ruby",
    about: "fibers, suspended in patched code and gone on after its undo, and the other way round",
    needs: ["/usr/bin/ruby"],
    packages: "ruby",
    version: () => versionBy("/usr/bin/ruby", "--version"),
    start: async () =>
      talk(
        libruby(),
        [
          "rb_fiber_resume",
          "rb_fiber_resume_kw",
          "rb_fiber_yield",
          "rb_ary_push",
          "rb_ary_new_capa",
          "rb_str_concat",
          "rb_str_buf_append",
          "rb_raise",
          "rb_exc_raise",
          "rb_rescue2",
          "rb_hash_aset",
          "rb_block_call",
          "rb_yield",
          "rb_enumeratorize_with_size",
          "rb_str_split",
          "rb_thread_wait_for",
          "rb_io_puts",
          "rb_obj_as_string",
          "rb_funcallv",
        ],
        "/usr/bin/ruby",
        [join(workloads, "fibers.rb")],
      ),
  },
  {
    ...one,
    name: "php",
    about: "fibers, suspended in patched code and gone on after its undo, and the other way round",
    needs: ["/usr/bin/php8.2"],
    packages: "php-cli",
    version: () => versionBy("/usr/bin/php8.2", "--version"),
    start: async () =>
      talk(
        "/usr/bin/php8.2",
        [
          "zend_fiber_switch_context",
          "zend_fiber_start",
          "zend_fiber_resume",
          "zend_fiber_suspend",
          "zend_fiber_init_context",
          "zend_fiber_destroy_context",
          "zend_call_function",
          "zend_throw_exception_object",
          "zend_hash_next_index_insert",
          "_emalloc",
          "_efree",
          "zend_objects_new",
          "php_implode",
          "php_explode",
          "zend_std_get_method",
          "zend_objects_store_del",
        ],
        "/usr/bin/php8.2",
        ["-d", "display_errors=stderr", join(workloads, "fibers.php")],
      ),
  },
  {
    ...one,
    name: "jvm",
    about: "code made while it runs, of which no file tells",
    needs: [java, "javac"],
    packages: "openjdk-17-jdk-headless",
    version: () => versionBy(java, "-version"),
    async start({ directory }) {
      execFileSync("javac", ["--release", "17", "-d", directory, join(workloads, "Threads.java")], { stdio: "pipe" });
      return talk(
        libjvm(),
        [
          "JVM_FillInStackTrace",
          "JVM_InitStackTraceElementArray",
          "JVM_Clone",
          "JVM_Yield",
          "JVM_IHashCode",
          "JVM_InternString",
          "JVM_NanoTime",
          "JVM_ArrayCopy",
          "JVM_CurrentTimeMillis",
          "JVM_MonitorNotifyAll",
          "JVM_GetClassInterfaces",
        ],
        java,
        ["-XX:-UsePerfData", "-Xmx128m", "-cp", directory, "Threads"],
      );
    },
  },
  {
    ...one,
    name: "node",
    about: "code made while it runs, libuv's loop and its threads",
    needs: ["/usr/bin/node"],
    packages: "nodejs",
    version: () => versionBy("/usr/bin/node", "--version"),
    start: async () =>
      talk(
        "/usr/bin/node",
        [
          "uv_timer_start",
          "uv_timer_stop",
          "uv_queue_work",
          "uv_async_send",
          "uv_try_write",
          "uv_write",
          "uv_write2",
          "uv_hrtime",
          "uv_now",
          "EVP_DigestUpdate",
          "EVP_DigestFinal_ex",
          "SHA256_Update",
          "HMAC_Update",
          "PKCS5_PBKDF2_HMAC",
          "Cr_z_deflate",
          "Cr_z_inflate",
          "deflate",
          "inflate",
        ],
        "/usr/bin/node",
        [join(workloads, "tasks.js")],
      ),
  },
  {
    ...one,
    name: "python",
    about: "the interpreter, with threads that are in extensions in C and come back from there",
    needs: ["/usr/bin/python3.11"],
    packages: "python3",
    version: () => versionBy("/usr/bin/python3.11", "--version"),
    start: async () =>
      talk(
        "/usr/bin/python3.11",
        [
          "PyObject_Call",
          "PyObject_Vectorcall",
          "PyEval_SaveThread",
          "PyEval_RestoreThread",
          "PyGILState_Ensure",
          "PyGILState_Release",
          "PyLong_FromLong",
          "PyList_Append",
          "PyDict_SetItem",
          "PyUnicode_FromString",
          "PyBytes_FromStringAndSize",
          "PyObject_GetBuffer",
          "PyBuffer_Release",
          "PyArg_ParseTuple",
          "PyNumber_Multiply",
        ],
        "/usr/bin/python3.11",
        [join(workloads, "threads.py")],
      ),
  },
  {
    ...one,
    name: "python-extension",
    about: "the library below an extension in C (zlib), in three threads at once",
    needs: ["/usr/bin/python3.11", "/usr/lib/x86_64-linux-gnu/libz.so.1"],
    packages: "python3, zlib1g",
    version: () => versionBy("/usr/bin/python3.11", "--version"),
    start: async () =>
      talk(
        "/usr/lib/x86_64-linux-gnu/libz.so.1",
        ["deflate", "inflate", "crc32", "crc32_z", "adler32", "adler32_z", "deflateInit2_", "inflateInit2_"],
        "/usr/bin/python3.11",
        [join(workloads, "threads.py")],
      ),
  },
  {
    ...one,
    name: "go-cgo",
    about: "goroutines that call into C and are called back from there",
    needs: ["go", "cc"],
    packages: "golang, gcc",
    version: () => versionBy(find("go") ?? "go", "version"),
    async start({ directory }) {
      const program = join(directory, "program");
      // one for the run: Go builds all of its standard library for it, minutes on a busy machine, and a program is started twice
      const cache = process.env["GOCACHE"] ?? join(directory, "../go-cache");
      const env = { ...process.env, CGO_ENABLED: "1", GOFLAGS: "-mod=mod", GOCACHE: cache };
      const build = ["build", "-ldflags=-linkmode=external -extldflags=-Wl,--build-id", "-o", program, "."];
      execFileSync(find("go") ?? "go", build, { cwd: join(workloads, "cgo"), env, stdio: "pipe" });
      return talk(program, ["steps", "sum_of_calls", "crosscall2", "crosscall_amd64"], program, []);
    },
  },
];
