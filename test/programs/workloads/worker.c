/*
 * Answers each number with another. With threads, where the C library has them: each checks its own sums, and ends the program where
 * one is wrong.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) int step(int sum, int i) { return (int)(((long long)sum * 31 + i) % 1000003); }

__attribute__((noinline)) int steps(int number) {
  int sum = number;
  for (int i = 0; i < 50; i++) sum = step(sum, i);
  return sum;
}

static void *work(void *unused) {
  int wanted = steps(7);
  while (unused == NULL) {
    if (steps(7) != wanted) abort();
    usleep(1000);
  }
  return NULL;
}

int main(void) {
  char line[64];
  for (int n = 0; n < 3; n++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  }
  while (fgets(line, sizeof line, stdin)) {
    printf("%d\n", steps(atoi(line)));
    fflush(stdout);
  }
  return 0;
}
