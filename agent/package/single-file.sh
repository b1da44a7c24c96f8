#!/bin/sh
# suture-agent @version@ in one file: this script, and behind it the release, which is unpacked once and started.
set -eu
digest=@digest@
if [ "$(id -u)" = 0 ]; then kept=/var/lib/suture-agent/single-file
else kept=${XDG_CACHE_HOME:-$HOME/.cache}/suture-agent; fi
release=$kept/@version@-$(printf %.12s "$digest")
fail() { echo "suture-agent: $1" >&2; exit 1; }

if [ ! -x "$release/bin/suture-agent" ]; then
  umask 022
  mkdir -p "$kept"
  new=$(mktemp -d "$kept/.new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  tail -n +@lines@ -- "$0" > "$new/release.tar.gz"
  [ "$(sha256sum "$new/release.tar.gz" | cut -d' ' -f1)" = "$digest" ] || fail "this file is damaged: download it again"
  mkdir "$new/release"
  tar -xzf "$new/release.tar.gz" -C "$new/release" --no-same-owner
  # Another start may have been first
  mv -T "$new/release" "$release" 2>/dev/null || [ -x "$release/bin/suture-agent" ] || fail "cannot unpack to $release"
  rm -rf "$new"
  trap - EXIT
fi
# What is one file is replaced by another file: a release that it fetched would be started by nobody
export SUTURE_AGENT_SELF_UPDATE="${SUTURE_AGENT_SELF_UPDATE:-false}"
exec "$release/bin/suture-agent" "$@"
