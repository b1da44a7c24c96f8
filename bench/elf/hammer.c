/* `hammer PORT CONNECTIONS MILLISECONDS`: asks the sample server as fast as it answers; prints requests a second and their p99 in ns. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { MAX_REQUESTS = 4000000 };
static uint32_t *times;
static _Atomic uint32_t requests;
static int64_t end_ns;
static int port;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *ask(void *unused) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  const char request[] = {'e', 8, 8, 'p', 'a', 't', 'c', 'h', 'e', 'd', '?'};
  char reply[64];
  /* at least one, however late a busy machine lets this thread begin */
  int64_t start = now_ns(), now;
  do {
    if (send(server, request, sizeof request, 0) != sizeof request) fail("send");
    if (recv(server, reply, sizeof reply, 0) != 10) fail("a reply that is not whole");
    now = now_ns();
    uint32_t at = requests++;
    if (at < MAX_REQUESTS) times[at] = (uint32_t)(now - start);
    start = now;
  } while (now < end_ns);
  return unused;
}

static int by_size(const void *one, const void *other) {
  uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int count = atoi(argv[2]), millis = atoi(argv[3]);
  pthread_t threads[64];
  port = atoi(argv[1]);
  times = malloc(MAX_REQUESTS * sizeof *times);
  end_ns = now_ns() + millis * 1000000LL;
  if (times == NULL || count > 64) fail("setup");
  for (int at = 0; at < count; at++) pthread_create(&threads[at], NULL, ask, NULL);
  for (int at = 0; at < count; at++) pthread_join(threads[at], NULL);
  uint32_t total = requests < MAX_REQUESTS ? requests : MAX_REQUESTS;
  qsort(times, total, sizeof *times, by_size);
  printf("%.0f %u\n", requests * 1000.0 / millis, times[(uint64_t)total * 99 / 100]);
  return 0;
}
