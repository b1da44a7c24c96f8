#!/bin/sh
# Builds the server and the fix into build/ (or the folder given). All that is needed is a C compiler, which CC may name.
set -eu
cd "$(dirname "$0")"
out=${1:-build}
mkdir -p "$out"

# --build-id names this exact build: a patch is bound to it. -g is for people; the engine needs only the symbol table.
${CC:-cc} -std=gnu11 -O2 -g -Wall -Wextra -pthread -Wl,--build-id ${LDFLAGS:-} -o "$out/echod" \
  echod.c echo.c heartbeat.c

# -nostdlib: no start-up files, so no constructors; what the fix calls is found in the running server.
${CC:-cc} -std=gnu11 -O2 -g -Wall -Wextra -fPIC -shared -nostdlib -o "$out/echod-fix.so" fix.c
