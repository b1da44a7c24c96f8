#!/bin/sh
# Starts the release that it lies in, wherever that is.
here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
# An agent that stays does little at a time, and gives back what it does not need; what ends soon is faster without
case ${1-} in
run) exec "$here/node" --max-semi-space-size=1 --expose-gc "$here/agent.cjs" "$@" ;;
*) exec "$here/node" "$here/agent.cjs" "$@" ;;
esac
