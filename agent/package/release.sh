#!/bin/sh
# Starts the release that it lies in, wherever that is.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
exec "$here/node" "$here/agent.cjs" "$@"
