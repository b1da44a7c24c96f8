// Reads /proc/suture_target so often and prints the nanoseconds of one read: a system call through a function that can be patched.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 20000;
	char text[16];
	struct timespec start, end;
	int file = open("/proc/suture_target", O_RDONLY);
	if (file < 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int round = 0; round < rounds; round++)
		if (pread(file, text, sizeof text, 0) < 1)
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / rounds);
	return 0;
}
