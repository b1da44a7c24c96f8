/* What an unprivileged user runs against the agent: maps the file of each argument from the second on as code, and stands still. The first is
   how many sparse "libraries" of a gibibyte it makes in its folder and maps, too. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline)) int one(int n) { return n + 1; }
__attribute__((noinline)) int two(int n) { return n * 3 + getpid(); }

int main(int count, char **arguments) {
  for (int i = 0; i < atoi(arguments[1]); i++) {
    char name[32];
    struct { Elf64_Ehdr head; Elf64_Phdr code; Elf64_Shdr sections[3]; } file;
    const unsigned long all = 1000000000, table = 400000000;
    snprintf(name, sizeof name, "libc-%d.so", i);
    memset(&file, 0, sizeof file);
    memcpy(file.head.e_ident, "\177ELF\2\1\1", 7);
    file.head.e_type = ET_DYN, file.head.e_machine = 62;
    file.head.e_phoff = 64, file.head.e_phentsize = 56, file.head.e_phnum = 1;
    file.head.e_shoff = 120, file.head.e_shentsize = 64, file.head.e_shnum = 3;
    file.code = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = 5, .p_filesz = all, .p_memsz = all};
    file.sections[1] = (Elf64_Shdr){.sh_type = SHT_DYNSYM, .sh_offset = 4096, .sh_size = table, .sh_link = 2};
    file.sections[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = table, .sh_size = table};
    int handle = open(name, O_CREAT | O_RDWR | O_TRUNC, 0755);
    if (write(handle, &file, sizeof file) < 0 || ftruncate(handle, all)) return 1;
    if (mmap((void *)(0x200000000 + i * 0x10000L), 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, handle, 0) == MAP_FAILED) return 1;
    close(handle);
  }
  for (int i = 2; i < count; i++) {
    int handle = open(arguments[i], O_RDONLY);
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, handle, 0) == MAP_FAILED) return 1;
    close(handle);
  }
  printf("ready %d\n", (int)getpid());
  fflush(stdout);
  return one(two(getchar()));
}
