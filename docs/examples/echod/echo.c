/* The flawed function, in a file of its own so that the compiler cannot inline it into its caller. */
#include <string.h>

#include "echod.h"

size_t refuse(uint8_t *reply) {
  reply[0] = STATUS_REFUSED;
  reply[1] = 0;
  return 2;
}

/* The flaw: `count` is the client's word, and nothing compares it with the `length` bytes that really came. */
size_t echo(const struct session *session, uint8_t length, uint8_t count, uint8_t *reply) {
  (void)length;
  reply[0] = STATUS_OK;
  reply[1] = count;
  memcpy(reply + 2, (const uint8_t *)session + offsetof(struct session, body), count);
  return 2 + (size_t)count;
}
