#!/bin/sh
# Starts the release that it lies in, wherever that is.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
# It does little at a time: a young generation that grows to 32 MiB would be for nothing. What it no longer needs it gives back.
exec "$here/node" --max-semi-space-size=1 --expose-gc "$here/agent.cjs" "$@"
