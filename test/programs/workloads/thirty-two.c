/* A 32-bit program without a C library: answers each number with another. gcc -m32 -nostdlib -static */
static int call(int number, int first, const void *second, int third) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
  return result;
}

__attribute__((noinline)) unsigned steps(unsigned number) {
  unsigned sum = number;
  for (unsigned i = 0; i < 50; i++) sum = (sum * 31 + i) % 1000003;
  return sum;
}

void _start(void) {
  unsigned number = 0;
  char byte;
  while (call(3, 0, &byte, 1) == 1) {
    if (byte != '\n') {
      number = number * 10 + (unsigned)(byte - '0');
      continue;
    }
    char text[12];
    int at = 12;
    text[--at] = '\n';
    unsigned sum = steps(number);
    do text[--at] = (char)('0' + sum % 10);
    while ((sum /= 10) != 0);
    call(4, 1, text + at, 12 - at);
    number = 0;
  }
  call(1, 0, 0, 0);
}
