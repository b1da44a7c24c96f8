#!/bin/sh
# Starts the release that it lies in, wherever that is.
self=$0
case $self in */*) [ ! -L "$self" ] || self=$(readlink -f -- "$self") ;; *) self=$(readlink -f -- "$self") ;; esac
bin=${self%/*}
# What a timer calls each quarter of an hour starts nothing else. It brings the authorities that it trusts; Node would read all that it knows
[ "${1-}" != poll ] || exec "$bin/../node" --use-openssl-ca "$bin/../poll.cjs" "$@"
here=$(CDPATH='' cd -P -- "$bin/.." && pwd)
# An agent that stays does little at a time, and gives back what it does not need; what ends soon is faster without
case ${1-} in
run) exec "$here/node" --max-semi-space-size=1 --expose-gc "$here/agent.cjs" "$@" ;;
*) exec "$here/node" "$here/agent.cjs" "$@" ;;
esac
