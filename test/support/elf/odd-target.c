/* A program that is unlike others in the way that its first argument says, and answers each number with what handle() makes of it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline)) int handle(int n) { return n > LIMIT ? n - LIMIT : n * 2; }

static void *answer(void *none) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) printf("%d\n", handle(atoi(line)));
  exit(0);
}

/* Its code lies on memory of its own, as that of interpreters and databases that want huge pages for it: copied aside, then moved over the
   old place in one step. `changed`: and is not what the file has. */
static void move_code(int changed) {
  unsigned long start = 0, end = 0;
  char line[512], permissions[8];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) != 3 || strcmp(permissions, "r-xp")) continue;
    if ((unsigned long)handle >= start && (unsigned long)handle < end) break;
  }
  fclose(maps);
  char *copy = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(copy, (void *)start, end - start);
  if (changed) copy[(unsigned long)handle - start] = 0x90;
  mprotect(copy, end - start, PROT_READ | PROT_EXEC);
  mremap(copy, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start);
}

int main(int count, char **arguments) {
  const char *way = count > 1 ? arguments[1] : "";
  pthread_t thread;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!strcmp(way, "moved")) move_code(0);
  if (!strcmp(way, "moved and changed")) move_code(1);
  printf("ready %d\n", (int)getpid());
  if (strcmp(way, "leaderless")) return answer(NULL) != NULL;
  pthread_create(&thread, NULL, answer, NULL);
  pthread_exit(NULL);
}
