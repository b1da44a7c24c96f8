/*
 * The replacement, built as a shared object. It may call and read whatever the running server has: its own functions and
 * variables, exported or not (here refuse()), and those of the libraries that it has loaded (here memcpy()).
 */
#include <string.h>

#include "echod.h"

size_t echo_checked(const struct session *session, uint8_t length, uint8_t count, uint8_t *reply) {
  if (count > length) return refuse(reply);
  reply[0] = STATUS_OK;
  reply[1] = count;
  memcpy(reply + 2, session->body, count);
  return 2 + (size_t)count;
}
