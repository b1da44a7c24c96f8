/*
 * A program with tasks that are no ordinary threads, to be patched as target.c is. Prints "ready PID", then answers a line with a line: "value", and
 * what its mode takes. Modes:
 *   children  makes children all the time, by fork, by vfork, and by clone(2) whose end raises no signal; "count": how many ended and how
 *             many are left
 *   shares, sibling   another process uses its memory, a child or a child of its parent; "enter": that one waits within one(), "leave"
 *   spawning  waits for a child of vfork for a second after each "spawn"
 *   ring      uses io_uring with a thread of the kernel's
 *   reexec    a second thread runs the program anew after 30 ms, again and again
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int calls;
const char *label = "ten chars.";
static int gate[2], asked[2];
static char **arguments;
static pid_t first;
static volatile int started, ended, inside;

void wait_at_gate(void) {
  char byte;
  inside = 1;
  while (read(gate[0], &byte, 1) != 1) {}
  inside = 0;
}

int one(int wait) {
  if (wait) wait_at_gate();
  calls++;
  return 1;
}

int two(void) {
  calls++;
  return (int)strlen(label) / 5;
}

static void *make_children(void *unused) {
  (void)unused;
  for (int turn = 0;; turn++) {
    long child = turn % 3 == 0 ? syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL) : turn % 3 == 1 ? fork() : vfork();
    if (child == 0) _exit(0);
    if (child > 0) started++;
    while (waitpid(-1, NULL, __WALL | WNOHANG) > 0) ended++;
    if (started - ended > 50) usleep(1000);
  }
}

static int share(void *unused) {
  char byte;
  struct pollfd wait = {.fd = asked[0], .events = POLLIN};
  (void)unused;
  /* whoever the parent is: ends with the process whose memory it uses */
  while (kill(first, 0) == 0) {
    if (poll(&wait, 1, 50) == 1 && read(asked[0], &byte, 1) == 1) one(1);
  }
  return 0;
}

static void *spawn(void *unused) {
  (void)unused;
  started = 1;
  if (vfork() == 0) {
    usleep(1000000);
    _exit(0);
  }
  started = 0;
  return NULL;
}

static void *run_anew(void *unused) {
  (void)unused;
  usleep(30000);
  execv("/proc/self/exe", arguments);
  _exit(1);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  pthread_t thread;
  char line[64];
  arguments = argv;
  first = getpid();
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (pipe(gate) || pipe(asked)) return 1;
  if (!strcmp(mode, "children")) pthread_create(&thread, NULL, make_children, NULL);
  if (!strcmp(mode, "shares") || !strcmp(mode, "sibling")) {
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone(share, stack + 65536, CLONE_VM | CLONE_FILES | (mode[1] == 'i' ? CLONE_PARENT : SIGCHLD), NULL);
  }
  if (!strcmp(mode, "ring")) {
    struct io_uring_params parameters = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1000};
    if (syscall(SYS_io_uring_setup, 8, &parameters) < 0) puts("none");
  }
  if (!strcmp(mode, "reexec")) pthread_create(&thread, NULL, run_anew, NULL);
  else printf("ready %d\n", (int)getpid());
  while (fgets(line, sizeof line, stdin)) {
    if (!strncmp(line, "value", 5)) printf("%d\n", one(0) + two());
    if (!strncmp(line, "count", 5)) printf("%d %d\n", ended, started - ended);
    if (!strncmp(line, "enter", 5)) {
      if (write(asked[1], "", 1) == 1) while (!inside) usleep(1000);
      puts("inside");
    }
    if (!strncmp(line, "leave", 5)) {
      if (write(gate[1], "", 1) == 1) while (inside) usleep(1000);
      puts("outside");
    }
    if (!strncmp(line, "spawn", 5)) {
      pthread_create(&thread, NULL, spawn, NULL);
      while (!started) usleep(1000);
      usleep(10000);
      puts("waits");
    }
  }
  return 0;
}
