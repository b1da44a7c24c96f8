/* What the server, the flawed function and its replacement agree on. */
#ifndef ECHOD_H
#define ECHOD_H

#include <stddef.h>
#include <stdint.h>

enum { BODY_MAX = 64, REPLY_MAX = 2 + 255 };
enum { STATUS_OK = 0, STATUS_REFUSED = 1 };

/* One connection. What a client sends lands in body; the secret lies right behind it. */
struct session {
  uint8_t body[BODY_MAX];
  char secret[192];
};

/* Each writes a whole reply (status, length, body) and returns its size in bytes. */
size_t echo(const struct session *session, uint8_t length, uint8_t count, uint8_t *reply);
size_t refuse(uint8_t *reply);
size_t report_heartbeat(uint8_t *reply);

#endif
