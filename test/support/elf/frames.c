/*
 * Waits below frames of several kinds, and prints its number and where it will return to, by the C library's own account: addresses in
 * hexadecimal, innermost first. With an argument the innermost are on a stack of their own.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noinline)) static void wait_here(void) {
  void *addresses[64];
  int count = backtrace(addresses, 64);
  printf("%d", (int)getpid());
  for (int at = 0; at < count; at++) printf(" %lx", (unsigned long)addresses[at]);
  puts("");
  fflush(stdout);
  for (;;) pause();
}

static void on_signal(int number) {
  (void)number;
  wait_here();
}

__attribute__((noinline)) static int with_signal(int n) {
  raise(SIGUSR1);
  return n + 1;
}

static int compare(const void *one, const void *other) {
  return with_signal(*(const int *)one) - *(const int *)other;
}

__attribute__((noinline)) static int from_library(int n) {
  int numbers[] = {n, 1};
  qsort(numbers, 2, sizeof *numbers, compare);
  return numbers[0];
}

__attribute__((noinline)) static int aligned(int n) {
  _Alignas(64) char bytes[128];
  memset(bytes, n, sizeof bytes);
  int result = from_library(bytes[n & 7]);
  __asm__ volatile("" : : "r"(bytes) : "memory");
  return result + bytes[3];
}

__attribute__((noinline)) static int any_size(int n) {
  char *bytes = alloca((size_t)n);
  memset(bytes, n, (size_t)n);
  int result = aligned(bytes[n / 2]);
  __asm__ volatile("" : : "r"(bytes) : "memory");
  return result + bytes[0];
}

static void *in_thread(void *size) {
  return (void *)(long)any_size((int)(long)size);
}

int main(int argc, char **argv) {
  static char other[65536];
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = argc > 1 ? SA_ONSTACK : 0};
  sigaction(SIGUSR1, &action, NULL);
  if (argc > 1 && strcmp(argv[1], "altstack") == 0) sigaltstack(&stack, NULL);
  if (argc == 1) {
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, (void *)77);
    pthread_join(thread, NULL);
  }
  return any_size(100 + argc);
}
