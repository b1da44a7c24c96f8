/*
 * How long did the process stand still? Nobody knows better than the process. A thread that ticks every 50 microseconds notes the
 * longest gap between two ticks; a stop of all threads shows as a gap of its length plus at most one tick.
 * The thread sleeps for good until the first report is asked for, and again 2 seconds after the last one.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "echod.h"

enum { TICK_NS = 50 * 1000 };
static const int64_t KEEP_TICKING_NS = 2000000000;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static pthread_once_t started = PTHREAD_ONCE_INIT;
static _Atomic int64_t last_asked_ns;
static _Atomic int64_t worst_gap_ns;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *tick(void *unused) {
  (void)unused;
  /* Ask the scheduler for a clean measurement; without the permission the gaps include the wait for a processor. */
  struct sched_param real_time = {.sched_priority = 1};
  (void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &real_time);
  (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (;;) {
    pthread_mutex_lock(&lock);
    while (now_ns() - last_asked_ns > KEEP_TICKING_NS) pthread_cond_wait(&asked, &lock);
    pthread_mutex_unlock(&lock);
    for (int64_t last = now_ns(), now = last; now - last_asked_ns <= KEEP_TICKING_NS; last = now) {
      struct timespec tick = {.tv_nsec = TICK_NS};
      clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
      now = now_ns();
      if (now - last > worst_gap_ns) worst_gap_ns = now - last;
    }
  }
  return NULL;
}

static void start(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, tick, NULL) == 0) pthread_detach(thread);
}

/* Replies with the worst gap since the last report, in microseconds, as four bytes, the highest first. */
size_t report_heartbeat(uint8_t *reply) {
  pthread_mutex_lock(&lock);
  last_asked_ns = now_ns();
  pthread_cond_signal(&asked);
  pthread_mutex_unlock(&lock);
  pthread_once(&started, start);
  uint32_t gap_us = (uint32_t)(atomic_exchange(&worst_gap_ns, 0) / 1000);
  reply[0] = STATUS_OK;
  reply[1] = 4;
  for (int i = 0; i < 4; i++) reply[2 + i] = (uint8_t)(gap_us >> (24 - 8 * i));
  return 6;
}
