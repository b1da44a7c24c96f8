/* A setuid program: whether its run was left alone. Ends with 42, and with anything else where somebody changed its course. */
#include <time.h>
#include <unistd.h>

int main(void) {
  if (geteuid() != 0) return 41;
  for (int turn = 0; turn < 100; turn++) {
    struct timespec a_while = {.tv_nsec = 1000000};
    if (nanosleep(&a_while, NULL) != 0) return 43;
  }
  return 42;
}
