/*
 * A server on fibers whose stacks of 64 KiB are cut from one arena of 64 MiB. A line is answered by the first fiber: "value", "wait" (waits
 * within one() and answers when it does), "switch" (the second fiber, whose stack lies above, is suspended within one() from then on).
 * Argument: "bare" starts the first fiber by a few instructions that nothing describes, instead of makecontext(3).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { one_stack = 64 << 10, arena = 64 << 20 };
int calls;
const char *label = "ten chars.";
static ucontext_t first, second, outer;
static int is_suspending;

void wait_at_gate(void) {
  char byte;
  if (is_suspending) {
    is_suspending = 0;
    swapcontext(&second, &first);
  } else {
    puts("waits");
    if (read(STDIN_FILENO, &byte, 1) != 1) exit(1);
  }
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

static void suspend(void) { one(1); }

static void serve(void) {
  char line[64];
  printf("ready %d\n", (int)getpid());
  for (int length = 0; read(STDIN_FILENO, line + length, 1) == 1;) {
    if (line[length] != '\n') {
      length = length < 60 ? length + 1 : 0;
      continue;
    }
    line[length] = 0, length = 0;
    if (!strcmp(line, "value")) printf("%d\n", one(0) + two());
    if (!strcmp(line, "wait")) one(1), puts("went on");
    if (!strcmp(line, "switch")) {
      is_suspending = 1;
      swapcontext(&first, &second);
      puts("suspended");
    }
  }
  exit(0);
}

static void make(ucontext_t *fiber, char *stack, void (*run)(void)) {
  getcontext(fiber);
  fiber->uc_stack.ss_sp = stack;
  fiber->uc_stack.ss_size = one_stack;
  fiber->uc_link = &outer;
  makecontext(fiber, run, 0);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char *stacks = mmap(NULL, arena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  make(&first, stacks, serve);
  make(&second, stacks + 8 * one_stack, suspend);
  if (argc > 1 && !strcmp(argv[1], "bare")) {
    /* it would return to where no call is */
    __asm__ volatile("mov %0, %%rsp\n\tpush %1\n\tjmp *%1" : : "r"(stacks + one_stack), "r"(serve) : "memory");
  }
  swapcontext(&outer, &first);
  return 0;
}
