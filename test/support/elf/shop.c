/* A program that `suture build elf` makes patches for: prints one line for each line it reads. -DFIXED is its repaired source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shop.h"

/* lives on the heap, so that only its layout tells of a change */
struct basket {
  int answers;
#ifdef NEW_LAYOUT
  char note[8];
#endif
  long sum;
};
static struct basket *basket;
static int served;
int (*seen)(int) = NULL;

static const int prices[] = {
    10, 20,
#ifdef FIXED
    35,
#else
    30,
#endif
    40, 50, 60, 70, 80};

/* static, with a static variable of its own that must live on */
__attribute__((noinline)) static int next_number(void) {
  static int number = 100;
  return ++number;
}

__attribute__((noinline)) int unchanged(int n) {
#ifdef TAX
  n = tax(n);
#endif
  return n + served;
}

#ifdef FIXED
static int refused;
__attribute__((noinline)) static int too_much(int n) {
  refused++;
  return n > 7 || n < 0;
}
#endif

__attribute__((noinline)) const char *name_of(int n) {
  switch (n) {
    case 0: return "apple";
    case 1: return "pear";
#ifdef FIXED
    case 2: return "fixed plum";
#else
    case 2: return "plum";
#endif
    case 3: puts("a side effect"); return "cherry";
    case 4: return getenv("FRUIT") ? getenv("FRUIT") : "fig";
    case 5: return served > 1000 ? "date" : "no date";
  }
  return "none";
}

__attribute__((noinline)) void answer(int n) {
  served++;
  if (basket == NULL) basket = calloc(1, sizeof *basket);
  if (basket != NULL) basket->sum += n, basket->answers++;
#ifdef FIXED
  if (too_much(n)) {
    char text[16];
    snprintf(text, sizeof text, "no %d", refused);
    printf("%s\n", strdup(text));
    return;
  }
  if (seen == NULL) seen = unchanged;
#endif
  printf("%s %d #%d %d %d\n", name_of(n), prices[n & 7], next_number(), unchanged(n), discount(n));
}

int main(void) {
  char line[32];
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready %d\n", (int)getpid());
  while (fgets(line, sizeof line, stdin)) {
    answer(atoi(line));
    if (seen != NULL && seen != unchanged) printf("a pointer to another function\n");
  }
  return 0;
}
