/*
 * Counts in restartable sequences, as allocators with a cache for each processor do: a count that is lost or made twice ends the
 * program. Answers each number with another. The C library registers each thread (glibc 2.35).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <unistd.h>

enum { threads = 4, processors = 1024, turns = 200 };
static struct { _Alignas(128) intptr_t count; } counts[processors];
static _Atomic intptr_t wanted;
static pthread_barrier_t begin, end;

/* Adds one to the count of the processor that runs it, unless it is interrupted on the way; 0 where it was. */
__attribute__((noinline)) static int add_one(struct rseq *area) {
  uint32_t processor = *(volatile uint32_t *)&area->cpu_id_start;
  intptr_t *count = &counts[processor].count;
  __asm__ goto(
      ".pushsection __rseq_cs, \"aw\"\n .balign 32\n"
      "3: .long 0, 0\n .quad 1f, 2f - 1f, 4f\n .popsection\n"
      "leaq 3b(%%rip), %%rax\n movq %%rax, %[descriptor]\n"
      "1: cmpl %[processor], %[current]\n jne 4f\n"
      "movq (%[count]), %%rax\n"
      /* long enough to be met in it */
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

__attribute__((noinline)) int count_once(struct rseq *area) {
  while (!add_one(area)) {}
  atomic_fetch_add(&wanted, 1);
  return 1;
}

__attribute__((noinline)) int steps(int number) {
  int sum = number;
  for (int i = 0; i < 50; i++) sum = (int)(((long long)sum * 31 + i) % 1000003);
  return sum;
}

static void *work(void *unused) {
  struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
  while (unused == NULL) {
    pthread_barrier_wait(&begin);
    for (int turn = 0; turn < turns; turn++) count_once(area);
    pthread_barrier_wait(&end);
  }
  return NULL;
}

int main(void) {
  char line[64];
  if (__rseq_size == 0) return 2;
  pthread_barrier_init(&begin, NULL, threads + 1);
  pthread_barrier_init(&end, NULL, threads + 1);
  for (int n = 0; n < threads; n++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  }
  while (fgets(line, sizeof line, stdin)) {
    pthread_barrier_wait(&begin);
    pthread_barrier_wait(&end);
    intptr_t sum = 0;
    for (int n = 0; n < processors; n++) sum += counts[n].count;
    if (sum != wanted) {
      fprintf(stderr, "%ld counts instead of %ld\n", (long)sum, (long)wanted);
      abort();
    }
    printf("%d\n", steps(atoi(line)));
    fflush(stdout);
  }
  return 0;
}
