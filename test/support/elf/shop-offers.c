#include "shop.h"

struct offer best = {
    .percent =
#ifdef NEW_DATA
        6,
#else
        5,
#endif
    .until = 1000};
static int served; /* another one than shop.c's */
#ifdef NEW_THREAD_LOCAL
static __thread int mine;
#endif

#ifdef TAX
extern inline int tax(int n);
#endif

__attribute__((noinline)) int discount(int n) {
#ifdef NEW_THREAD_LOCAL
  mine++;
  return mine + n;
#endif
  served++;
#ifdef FIXED
  return n * best.percent + 1000 * (served > 0);
#else
  return n * best.percent;
#endif
}
