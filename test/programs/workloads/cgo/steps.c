/* What is patched: called from goroutines, on the stacks of their threads. */
#include <stdint.h>

int twice(int n);

__attribute__((noinline)) int steps(int number) {
  int64_t sum = number;
  for (int i = 0; i < 50; i++) sum = (sum * 31 + i) % 1000003;
  return (int)sum;
}

__attribute__((noinline)) int sum_of_calls(int times) {
  int sum = 0;
  for (int n = 0; n < times; n++) sum += twice(n);
  return sum;
}
