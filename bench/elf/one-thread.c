/*
 * The sample server (docs/examples/echod) as a program of one thread that polls its connections: `one-thread` prints
 * "listening PORT PID". The thread is its own heartbeat: each 50 microseconds at the latest it is back in poll, and a longer gap is a
 * stop, or the work on a request.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "echod.h"

enum { CONNECTIONS = 64, TICK_NS = 50 * 1000 };
static int64_t worst_gap_ns;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

size_t report_heartbeat(uint8_t *reply) {
  uint32_t gap_us = (uint32_t)(worst_gap_ns / 1000);
  worst_gap_ns = 0;
  reply[0] = STATUS_OK, reply[1] = 4;
  for (int i = 0; i < 4; i++) reply[2 + i] = (uint8_t)(gap_us >> (24 - 8 * i));
  return 6;
}

/* Requests are small and come whole over the loopback. */
static int serve_request(int client) {
  struct session session = {.secret = "the key that must never leave the server"};
  uint8_t request[3 + BODY_MAX], reply[REPLY_MAX];
  ssize_t size = recv(client, request, sizeof request, 0);
  if (size < 3 || size < 3 + request[2]) return 0;
  memcpy(session.body, request + 3, request[2]);
  size_t answer = request[0] == 'h' ? report_heartbeat(reply) : echo(&session, request[2], request[1], reply);
  return send(client, reply, answer, MSG_NOSIGNAL) == (ssize_t)answer;
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct pollfd polled[CONNECTIONS] = {{.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN}};
  int count = 1, yes = 1;
  socklen_t size = sizeof address;
  if (bind(polled[0].fd, (struct sockaddr *)&address, size) != 0 || listen(polled[0].fd, 64) != 0) return 1;
  getsockname(polled[0].fd, (struct sockaddr *)&address, &size);
  printf("listening %d %d\n", ntohs(address.sin_port), (int)getpid());
  fflush(stdout);
  struct sched_param real_time = {.sched_priority = 1};
  (void)sched_setscheduler(0, SCHED_FIFO, &real_time);
  (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (int64_t last = now_ns();;) {
    struct timespec tick = {.tv_nsec = TICK_NS};
    int ready = ppoll(polled, (nfds_t)count, &tick, NULL);
    int64_t now = now_ns();
    if (now - last > worst_gap_ns) worst_gap_ns = now - last;
    last = now;
    if (ready <= 0) continue;
    if (polled[0].revents && count < CONNECTIONS) {
      int client = accept(polled[0].fd, NULL, NULL);
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      polled[count++] = (struct pollfd){.fd = client, .events = POLLIN};
    }
    for (int at = 1; at < count; at++) {
      if (!polled[at].revents || serve_request(polled[at].fd)) continue;
      close(polled[at].fd);
      polled[at--] = polled[--count];
    }
  }
}
