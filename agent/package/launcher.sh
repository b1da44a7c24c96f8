#!/bin/sh
# Starts the release that self-update put in place, else the package's. Which one that is, is not decided here (docs/adr/0052).
export SUTURE_RELEASES=/var/lib/suture-agent
newest=$SUTURE_RELEASES/current/bin/suture-agent
[ -x "$newest" ] && exec "$newest" "$@"
exec /usr/lib/suture-agent/bin/suture-agent "$@"
