/*
 * A program to be patched in tests. Reads a command a line from stdin and answers with one line:
 *   value   the sum of one() and two(), which the patch replaces: 3, patched 30
 *   enter   a thread goes into one() and stays there      leave   it comes out
 *   fork    the child's number; it answers nothing        eintr   how many system calls of the background threads were disturbed
 *   reexec  becomes itself anew                           vfork   a thread cannot be stopped for 0.6 s
 *   linger  a thread has been in one(), and waits, until "rise", in a frame in which the address lies that one() was to return to
 * Arguments: "sandbox" kills the process at its next mmap or mprotect; "flat" starts no background threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int calls;
const char *label = "ten chars.";
static int gate[2], rest[2];
static _Atomic int disturbed, inside;

static void wait_for_byte(int from) {
  char byte;
  inside++;
  if (read(from, &byte, 1) < 0) disturbed++;
}

#ifdef COLD_GATE /* so that the compiler moves the call out of one(), into one.cold */
__attribute__((cold))
#endif
void wait_at_gate(void) { wait_for_byte(gate[0]); }

#ifdef CLONE /* as compilers name a copy of a function for one of its callers */
int copy_of_one(int wait) __asm__("one.constprop.0");
int copy_of_one(int wait) { return wait + calls; }
#endif

int one(int wait) {
  if (wait) wait_at_gate();
  calls++;
  return 1;
}

int two(void) {
  calls++;
  return (int)strlen(label) / 5;
}

static void note(long result) {
  if (result < 0 && errno == EINTR) disturbed++;
}

static void *in_epoll(void *unused) {
  struct epoll_event event;
  for (int fd = epoll_create1(0); unused == NULL;) note(epoll_wait(fd, &event, 1, 20));
  return NULL;
}

static void *in_receive(void *unused) {
  int pair[2];
  char byte;
  struct timeval limit = {.tv_usec = 20000};
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  while (unused == NULL) note(recv(pair[0], &byte, 1, 0));
  return NULL;
}

static void *in_sleep(void *unused) {
  while (unused == NULL) {
    struct timespec a_while = {.tv_nsec = 20000000};
    note(nanosleep(&a_while, NULL));
    note(poll(NULL, 0, 20));
  }
  return NULL;
}

static void *in_signal_wait(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  while (unused == NULL) {
    struct timespec a_while = {.tv_nsec = 20000000};
    note(sigtimedwait(&set, NULL, &a_while));
  }
  return NULL;
}

static void *in_semaphore(void *unused) {
  int id = semget(IPC_PRIVATE, 1, 0600);
  struct timespec a_while = {.tv_nsec = 20000000};
  struct sembuf take = {.sem_op = -1};
  for (int turn = 0; unused == NULL && turn < 500; turn++) note(semtimedop(id, &take, 1, &a_while));
  semctl(id, 0, IPC_RMID);
  /* A thread that ends gives its stack back, and tests compare the mappings. */
  for (;;) pause();
}

static void *enter(void *unused) {
  (void)unused;
  one(1);
  return NULL;
}

/* As a buffer that is only partly filled: what ended calls left there stays. */
__attribute__((noinline)) static void wait_with_buffer(void) {
  char buffer[4096];
  __asm__ volatile("" : : "r"(buffer) : "memory");
  wait_for_byte(rest[0]);
  __asm__ volatile("" : : "r"(buffer) : "memory");
}

static void *linger(void *unused) {
  (void)unused;
  char byte = 0;
  if (write(gate[1], &byte, 1) == 1) one(1);
  wait_with_buffer();
  return NULL;
}

/* Waits for its child in a way that no stop interrupts. */
static void *in_vfork(void *unused) {
  (void)unused;
  struct timespec a_while = {.tv_nsec = 600000000};
  if (vfork() == 0) {
    nanosleep(&a_while, NULL);
    _exit(0);
  }
  return NULL;
}

static void start(void *(*body)(void *));

/* Returns once the thread has come to wait so many times, however busy the machine is. */
static void let_one_enter(void *(*body)(void *), int times) {
  int before = inside;
  start(body);
  while (inside < before + times) usleep(1000);
}

static void start(void *(*body)(void *)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, NULL) == 0) pthread_detach(thread);
}

static void enter_sandbox(void) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* Overwrites the return addresses that ended calls left below the stack pointer: the engine cannot tell them from live ones. */
static void scrub(void) {
  char dead[16384];
  memset(dead, 0, sizeof dead);
  __asm__ volatile("" : : "r"(dead) : "memory");
}

int main(int argc, char **argv) {
  static char line[64], output[BUFSIZ];
  setvbuf(stdout, output, _IOLBF, sizeof output);
  const char *mode = argc > 1 ? argv[1] : "";
  if (pipe(gate) != 0 || pipe(rest) != 0) return 1;
  if (strcmp(mode, "flat") != 0) {
    start(in_epoll), start(in_receive), start(in_sleep), start(in_signal_wait), start(in_semaphore);
  }
  printf("ready %d\n", (int)getpid());
  if (strcmp(mode, "sandbox") == 0) enter_sandbox();
  for (int length = 0; read(STDIN_FILENO, line + length, 1) == 1;) {
    if (line[length] != '\n') {
      length = length < 60 ? length + 1 : 0;
      continue;
    }
    line[length] = 0, length = 0;
    if (strcmp(line, "value") == 0) {
      int value = one(0) + two();
      scrub();
      printf("%d\n", value);
    }
    if (strcmp(line, "enter") == 0) let_one_enter(enter, 1), printf("entered\n");
    if (strcmp(line, "linger") == 0) let_one_enter(linger, 2), printf("lingers\n");
    if (strcmp(line, "vfork") == 0) start(in_vfork), printf("started\n");
    if (strcmp(line, "leave") == 0) printf("%d\n", (int)write(gate[1], "", 1));
    if (strcmp(line, "rise") == 0) printf("%d\n", (int)write(rest[1], "", 1));
    if (strcmp(line, "eintr") == 0) printf("%d\n", disturbed);
    if (strcmp(line, "reexec") == 0) execv("/proc/self/exe", argv);
    if (strcmp(line, "fork") == 0) {
      pid_t child = fork();
      while (child == 0) pause();
      printf("%d\n", (int)child);
    }
  }
  return 0;
}
