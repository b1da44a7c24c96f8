/*
 * A program that keeps hold of a payload in ways that no thread's stack shows. Reads a command a line, answers with one line:
 *   value   the sum of one() and two(): 3, patched 30      error   the text that one() stored last
 *   enter   a call of one() is suspended, on a stack on which no thread stands      resume   it ends
 * Argument: "coroutine" suspends it by swapcontext(3); "handler" by a signal's handler that waits on an alternate stack; "jump" by
 * setjmp(3) in one() itself; "denied" forbids to make memory executable (prctl(2), PR_SET_MDWE).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

int calls;
const char *label = "ten chars.";
const char *last_error = "none";
static ucontext_t before, coroutine;
static int is_handler, gate[2], handler_gate[2];
static volatile int in_handler, in_gate;
static pthread_t thread;
static jmp_buf outside, within;
static int is_jump;

static void wait_for(int from) {
  char byte;
  while (read(from, &byte, 1) != 1) {}
}

void wait_at_gate(void) {
  if (is_handler) in_gate = 1, wait_for(gate[0]);
  else swapcontext(&coroutine, &before);
}

int one(int wait) {
  if (wait && is_jump) {
    if (setjmp(within) == 0) longjmp(outside, 1);
  } else if (wait) {
    wait_at_gate();
  }
  last_error = "of the program";
  calls++;
  return 1;
}

int two(void) {
  calls++;
  return (int)strlen(label) / 5;
}

static void body(void) {
  one(1);
  if (is_jump) longjmp(outside, 1);
}

static void on_signal(int number) {
  (void)number;
  in_handler = 1;
  wait_for(handler_gate[0]);
}

static void *new_stack(void) { return mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void *worker(void *unused) {
  stack_t stack = {.ss_sp = new_stack(), .ss_size = 65536};
  sigaltstack(&stack, NULL);
  one(1);
  return unused;
}

static void enter(void) {
  if (is_handler) {
    in_gate = in_handler = 0;
    pthread_create(&thread, NULL, worker, NULL);
    while (!in_gate) usleep(1000);
    pthread_kill(thread, SIGUSR1);
    while (!in_handler) usleep(1000);
    return;
  }
  if (is_jump && setjmp(outside) != 0) return;
  getcontext(&coroutine);
  coroutine.uc_stack.ss_sp = new_stack();
  coroutine.uc_stack.ss_size = 65536;
  coroutine.uc_link = &before;
  makecontext(&coroutine, body, 0);
  swapcontext(&before, &coroutine);
}

static void resume(void) {
  if (!is_handler) {
    if (!is_jump) swapcontext(&before, &coroutine);
    else if (setjmp(outside) == 0) longjmp(within, 1);
    memset(&within, 0, sizeof within);
    munmap(coroutine.uc_stack.ss_sp, 65536);
    memset(&coroutine, 0, sizeof coroutine);
    return;
  }
  if (write(handler_gate[1], "", 1) == 1 && write(gate[1], "", 1) == 1) pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
  static char line[64];
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *mode = argc > 1 ? argv[1] : "";
  is_handler = strcmp(mode, "handler") == 0;
  is_jump = strcmp(mode, "jump") == 0;
  if (pipe(gate) != 0 || pipe(handler_gate) != 0) return 1;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  /* PR_SET_MDWE, which older headers lack */
  if (strcmp(mode, "denied") == 0 && prctl(65, 1UL, 0UL, 0UL, 0UL) != 0) return printf("no PR_SET_MDWE\n"), 1;
  printf("ready %d\n", (int)getpid());
  for (int length = 0; read(STDIN_FILENO, line + length, 1) == 1;) {
    if (line[length] != '\n') {
      length = length < 60 ? length + 1 : 0;
      continue;
    }
    line[length] = 0, length = 0;
    if (strcmp(line, "value") == 0) printf("%d\n", one(0) + two());
    if (strcmp(line, "error") == 0) printf("%s\n", last_error);
    if (strcmp(line, "enter") == 0) enter(), printf("suspended\n");
    if (strcmp(line, "resume") == 0) resume(), printf("resumed\n");
  }
  return 0;
}
