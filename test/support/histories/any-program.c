/*
 * A program of parts that are chosen when it is compiled, each of which calls the functions that histories patch, checks what they say,
 * and waits inside of them in a way of its own. Each line of input is answered by "wrong PROGRESS ...": how many results were wrong, and
 * how far each part is. It ends with its input.
 *   -DTHREADS=N      threads that sleep inside             -DCOROUTINES=N  coroutines that give way inside, on stacks of 16 KiB
 *   -DSIGNALS=1      signals, handled inside               -DALTERNATE=1   on an alternate stack
 *   -DCHILDREN=1     clone() without an exit signal        -DVFORK=1       vfork()
 *   -DSHARING=1      clone() that shares memory            -DRESTARTABLE=1 restartable sequences
 *   -DESCAPE=1       addresses of code inside, kept in variables
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { most_parts = 16 };
static _Atomic int wrong;
static _Atomic unsigned progress[most_parts];
static int parts;

static void nothing(void) {}
static __thread void (*wait_inside)(void) = nothing;

/* ---- what is patched ---- */
__attribute__((noinline)) int leaf(int n) { return n * 3 + 1; }

__attribute__((noinline)) int middle(int n) {
  int result = leaf(n);
  wait_inside();
  return result + leaf(n + 1);
}

__attribute__((noinline)) int outer(int n) {
  char bytes[256];
  memset(bytes, n, sizeof bytes);
  int result = middle(n);
  wait_inside();
  result += middle(n + 2);
  __asm__ volatile("" : : "r"(bytes) : "memory");
  return bytes[n & 255] == (char)n ? result : -1;
}

/* Goes on where it left off, by an address of its own code, which a compiler warns of. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"
__attribute__((noinline)) int stepwise(void **where, int *sum) {
  if (*where) goto **where;
  *sum = 0;
first:
  *sum += 1;
  *where = &&second;
  return 0;
second:
  *sum += 10;
  *where = &&third;
  return 0;
third:
  *sum += 100;
  *where = *sum == 111 ? NULL : &&first;
  return 1;
}

#pragma GCC diagnostic pop

static void check(int n) {
  /* leaf(n) + leaf(n + 1) + leaf(n + 2) + leaf(n + 3) */
  if (outer(n) != 12 * n + 22) wrong++;
}

/* ---- the parts ---- */
static void sleep_inside(void) { usleep(200); }

static void *in_thread(void *part) {
  wait_inside = sleep_inside;
  for (int n = 0;; n++) check(n & 63), progress[(long)part]++;
  return NULL;
}

#ifdef ESCAPE
static void *in_steps(void *part) {
  void *where = NULL;
  int sum = 0;
  for (;;) {
    usleep(100);
    if (!stepwise(&where, &sum)) continue;
    if (sum != 111) wrong++;
    progress[(long)part]++;
  }
  return NULL;
}
#endif

#ifdef COROUTINES
enum { stack_bytes = 16384, canary = 0x5a };
static ucontext_t scheduler, coroutines[COROUTINES];
static int current;
static long coroutine_part;
static unsigned char stacks[COROUTINES][2][stack_bytes];

static void give_way(void) { swapcontext(&coroutines[current], &scheduler); }

static void in_coroutine(void) {
  for (int n = current;; n++) check(n & 63), progress[coroutine_part]++;
}

static void *in_scheduler(void *part) {
  coroutine_part = (long)part;
  wait_inside = give_way;
  /* below each stack lies memory that nobody may write to */
  memset(stacks, canary, sizeof stacks);
  for (int n = 0; n < COROUTINES; n++) {
    getcontext(&coroutines[n]);
    coroutines[n].uc_stack = (stack_t){.ss_sp = stacks[n][1], .ss_size = stack_bytes};
    makecontext(&coroutines[n], in_coroutine, 0);
  }
  for (;;) {
    for (current = 0; current < COROUTINES; current++) {
      swapcontext(&scheduler, &coroutines[current]);
      for (int at = 0; at < stack_bytes; at++) wrong += stacks[current][0][at] != canary;
      usleep(100);
    }
  }
  return NULL;
}
#endif

#ifdef SIGNALS
static __thread long signalled_part;

static void on_signal(int number) {
  (void)number;
  void (*before)(void) = wait_inside;
  wait_inside = sleep_inside;
  check(5);
  wait_inside = before;
  progress[signalled_part]++;
}

static void *in_signals(void *part) {
#ifdef ALTERNATE
  static char own[65536];
  stack_t stack = {.ss_sp = own, .ss_size = sizeof own};
  sigaltstack(&stack, NULL);
#endif
  signalled_part = (long)part;
  for (int n = 0;; n++) {
    if (n % 4 == 0) pthread_kill(pthread_self(), SIGUSR1);
    check(n & 63);
  }
  return NULL;
}

static void *in_raiser(void *thread) {
  for (;;) usleep(700), pthread_kill(*(pthread_t *)thread, SIGUSR1);
  return NULL;
}
#endif

#ifdef CHILDREN
static void *in_children(void *part) {
  for (int n = 0;; n++) {
    long child = syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
    if (child == 0) {
      wait_inside = sleep_inside;
      syscall(SYS_exit_group, outer(n & 3) == 12 * (n & 3) + 22 ? 7 : 8);
    }
    int status = 0;
    if (child < 0 || waitpid((pid_t)child, &status, __WALL) != child || WEXITSTATUS(status) != 7) wrong++;
    progress[(long)part]++;
    usleep(5000);
  }
  return NULL;
}
#endif

#ifdef VFORK
static void *in_vfork(void *part) {
  for (int n = 0;; n++) {
    int status = 0;
    pid_t child = vfork();
    if (child == 0) _exit(leaf(2) == 7 ? 7 : 8);
    if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) wrong++;
    progress[(long)part]++;
    usleep(5000);
  }
  return NULL;
}
#endif

#ifdef SHARING
static int shares(void *unused) {
  (void)unused;
  int sum = 0;
  for (int n = 0; n < 1000; n++) sum += leaf(n);
  /* no exit(): that is the program's */
  syscall(SYS_exit, sum == 1499500 ? 7 : 8);
  return 0;
}

static void *in_sharing(void *part) {
  static char stack[65536];
  for (;;) {
    int status = 0;
    int child = clone(shares, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) wrong++;
    progress[(long)part]++;
    usleep(5000);
  }
  return NULL;
}
#endif

#ifdef RESTARTABLE
static struct { _Alignas(128) intptr_t count; } counts[1024];
static pthread_barrier_t begin, end;

__attribute__((noinline)) static int add_one(struct rseq *area) {
  uint32_t processor = *(volatile uint32_t *)&area->cpu_id_start;
  intptr_t *count = &counts[processor].count;
  __asm__ goto(
      ".pushsection __rseq_cs, \"aw\"\n .balign 32\n"
      "3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
      "leaq 3b(%%rip), %%rax\n movq %%rax, %[descriptor]\n"
      "1: cmpl %[processor], %[current]\n jne 4f\n"
      "movq (%[count]), %%rax\n"
      "movl $200, %%ecx\n 5: pause\n decl %%ecx\n jnz 5b\n"
      "addq $1, %%rax\n movq %%rax, (%[count])\n 2:\n"
      ".pushsection __rseq_abort, \"ax\"\n .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n 4: jmp %l[interrupted]\n .popsection\n"
      :
      : [descriptor] "m"(area->rseq_cs), [current] "m"(area->cpu_id), [processor] "r"(processor), [count] "r"(count)
      : "memory", "cc", "rax", "rcx"
      : interrupted);
  return 1;
interrupted:
  return 0;
}

static void *in_restartable(void *part) {
  struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
  static intptr_t wanted;
  for (;;) {
    pthread_barrier_wait(&begin);
    for (int turn = 0; turn < 100; turn++) {
      while (!add_one(area)) {}
      check(turn & 7);
    }
    /* the last to arrive counts for all: nobody adds meanwhile */
    if (pthread_barrier_wait(&end) != PTHREAD_BARRIER_SERIAL_THREAD) continue;
    intptr_t sum = 0;
    for (int n = 0; n < 1024; n++) sum += counts[n].count;
    wanted += 300;
    if (sum != wanted) wrong++;
    progress[(long)part]++;
    usleep(1000);
  }
  return NULL;
}
#endif

static pthread_t start(void *(*body)(void *), void *argument, size_t stack) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack) pthread_attr_setstacksize(&attributes, stack);
  if (pthread_create(&thread, &attributes, body, argument) != 0) abort();
  return thread;
}

static long next_part(void) { return parts++; }

int main(void) {
  static char line[64], output[BUFSIZ];
  setvbuf(stdout, output, _IOLBF, sizeof output);
  printf("ready %d\n", (int)getpid());
#ifdef THREADS
  for (int n = 0; n < THREADS; n++) start(in_thread, (void *)next_part(), n % 2 ? 65536 : 0);
#endif
#ifdef ESCAPE
  start(in_steps, (void *)next_part(), 0);
#endif
#ifdef COROUTINES
  start(in_scheduler, (void *)next_part(), 0);
#endif
#ifdef SIGNALS
  static pthread_t signalled;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
#ifdef ALTERNATE
  action.sa_flags |= SA_ONSTACK;
#endif
  sigaction(SIGUSR1, &action, NULL);
  signalled = start(in_signals, (void *)next_part(), 0);
  start(in_raiser, &signalled, 0);
#endif
#ifdef CHILDREN
  start(in_children, (void *)next_part(), 0);
#endif
#ifdef VFORK
  start(in_vfork, (void *)next_part(), 0);
#endif
#ifdef SHARING
  start(in_sharing, (void *)next_part(), 0);
#endif
#ifdef RESTARTABLE
  pthread_barrier_init(&begin, NULL, 3);
  pthread_barrier_init(&end, NULL, 3);
  long part = next_part();
  for (int n = 0; n < 3; n++) start(in_restartable, (void *)part, 0);
#endif
  while (fgets(line, sizeof line, stdin)) {
    check((int)(line[0] & 31));
    printf("%d", wrong);
    for (int n = 0; n < parts; n++) printf(" %u", progress[n]);
    printf("\n");
  }
  _exit(wrong ? 1 : 0);
}
