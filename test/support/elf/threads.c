/*
 * A program whose threads are hard to inject a system call into. Reads a command a line, answers with one line:
 *   value    the sum of one() and two(): 3, patched 30
 *   canary   how many bytes below the stack that it stands on have changed
 *   count    how often a restartable sequence was aborted and committed; "release" lets it commit
 * Argument: "small" answers on a stack of 2 KiB with other data right below; "sequence" has its first thread wait in a restartable sequence
 * (rseq(2)), and another answer on such a stack; "busy" answers between calculations, and waits in no system call; "sandbox" does likewise,
 * and is killed at any system call that maps memory; "spin" makes no system call before SIGUSR1, then answers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

int calls;
const char *label = "ten chars.";
static unsigned char *heap;
static volatile int release_it;
static volatile uint64_t aborted, committed;
static ucontext_t before, other;
static volatile int is_told;
enum { below = 65536, small_stack = 2048 };

void wait_at_gate(void) {}

int one(int wait) {
  if (wait) wait_at_gate();
  calls++;
  return 1;
}

int two(void) {
  calls++;
  return (int)strlen(label) / 5;
}

/* Without stdio, which wants more stack than there is. */
static void put(long value) {
  static char text[24];
  int at = 23;
  text[at--] = '\n';
  do text[at--] = (char)('0' + value % 10);
  while (value /= 10);
  if (write(1, text + at + 1, (size_t)(23 - at)) < 0) _exit(1);
}

static void answer(void) {
  static char line[64];
  for (int length = 0;;) {
    ssize_t size = read(STDIN_FILENO, line + length, 1);
    if (size == 0) _exit(0);
    if (size < 0) {
      for (volatile int turn = 0; turn < 1000000; turn++) {}
      continue;
    }
    if (line[length] != '\n') {
      length = length < 60 ? length + 1 : 0;
      continue;
    }
    line[length] = 0, length = 0;
    if (strcmp(line, "value") == 0) put(one(0) + two());
    if (strcmp(line, "release") == 0) release_it = 1, usleep(200000), put((long)committed);
    if (strcmp(line, "count") == 0) put((long)(aborted + committed));
    if (strcmp(line, "canary") == 0) {
      long changed = 0;
      for (int at = 0; at < below; at++) changed += heap[at] != 0xaa;
      put(changed);
    }
  }
}

/* From here on on memory that was cut from something larger, as coroutine libraries do. */
static void *answer_on_small_stack(void *unused) {
  heap = malloc(below + small_stack);
  memset(heap, 0xaa, below);
  getcontext(&other);
  other.uc_stack.ss_sp = heap + below;
  other.uc_stack.ss_size = small_stack;
  other.uc_link = &before;
  makecontext(&other, answer, 0);
  swapcontext(&before, &other);
  return unused;
}

static void on_signal(int number) { is_told = number; }

/* Stays in a restartable sequence until it is released; what interrupts it makes it begin anew, and is counted. */
static int stay_in_sequence(struct rseq *area) {
  int is_committed = 0;
  __asm__ volatile(
      ".pushsection __rseq_cs, \"aw\"\n .balign 32\n 3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
      "leaq 3b(%%rip), %%rax\n movq %%rax, 8(%[area])\n"
      "1:\n 6: cmpl $0, %[flag]\n je 6b\n movl $1, %[ok]\n"
      "2:\n jmp 5f\n .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
      "4:\n movl $0, %[ok]\n"
      "5:\n"
      : [ok] "+r"(is_committed)
      : [area] "r"(area), [flag] "m"(release_it)
      : "rax", "memory", "cc");
  return is_committed;
}

static void sequence(void) {
  struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
  for (;;) {
    if (stay_in_sequence(area)) {
      committed++;
      for (;;) pause();
    }
    aborted++;
  }
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

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  dprintf(1, "ready %d\n", (int)getpid());
  if (strcmp(mode, "small") == 0) answer_on_small_stack(NULL);
  heap = malloc(below);
  memset(heap, 0xaa, below);
  if (strcmp(mode, "sequence") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, answer_on_small_stack, NULL);
    sequence();
  }
  if (strcmp(mode, "sandbox") == 0) enter_sandbox();
  if (strcmp(mode, "spin") == 0) {
    signal(SIGUSR1, on_signal);
    while (!is_told) {}
  } else fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  answer();
}
