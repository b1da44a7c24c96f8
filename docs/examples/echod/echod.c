/*
 * echod: a small server with a real flaw, one thread for each connection. `echod PORT` listens on 127.0.0.1 (port 0: any free
 * one) and prints "listening PORT PID".
 *
 *   request   kind 'e', 'w' or 'h' | count | length | body, `length` bytes
 *   reply     status          | length | body, `length` bytes
 *
 * 'e' echoes the first `count` bytes of the body; 'w' works on it for 20 ms first, as a slow request would; 'h' reports the
 * heartbeat (heartbeat.c).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "echod.h"

static int receive(int client, void *into, size_t size) {
  for (size_t got = 0; got < size;) {
    ssize_t n = recv(client, (char *)into + got, size - got, 0);
    if (n <= 0) return 0;
    got += (size_t)n;
  }
  return 1;
}

static int reply_with(int client, const uint8_t *reply, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t n = send(client, reply + sent, size - sent, MSG_NOSIGNAL);
    if (n <= 0) return 0;
    sent += (size_t)n;
  }
  return 1;
}

static void work_for_a_while(void) {
  struct timespec left = {.tv_nsec = 20 * 1000 * 1000};
  while (nanosleep(&left, &left) != 0) continue;
}

static int serve_request(int client, struct session *session) {
  uint8_t head[3], reply[REPLY_MAX];
  if (!receive(client, head, sizeof head)) return 0;
  uint8_t kind = head[0], count = head[1], length = head[2];
  if (length > BODY_MAX || !receive(client, session->body, length)) return 0;
  if (kind == 'w') work_for_a_while();
  size_t size = kind == 'e' || kind == 'w' ? echo(session, length, count, reply)
                : kind == 'h'              ? report_heartbeat(reply)
                                           : refuse(reply);
  return reply_with(client, reply, size);
}

static void *serve(void *argument) {
  int client = (int)(intptr_t)argument, yes = 1;
  struct session session = {.secret = "the key that must never leave the server"};
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  while (serve_request(client, &session)) continue;
  close(client);
  return NULL;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  socklen_t size = sizeof address;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 512) != 0) {
    perror("echod");
    return 1;
  }
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("listening %d %d\n", ntohs(address.sin_port), (int)getpid());
  fflush(stdout);

  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
  for (;;) {
    int client = accept(listener, NULL, NULL);
    pthread_t thread;
    if (client >= 0 && pthread_create(&thread, &small, serve, (void *)(intptr_t)client) != 0) close(client);
  }
}
