#!/bin/sh
# Installs suture-agent on this host: the package of its system, verified against the key below. `--help` says what it takes.
set -eu
umask 022

version='@version@'
key='@key@'
from=${SUTURE_PACKAGES:-'@from@'}

usage() {
  cat <<'END'
Installs suture-agent and, with --server and a token, enrols this host.

  sh install.sh [--server URL [--token-file FILE]] [options]

  --server URL        the service to enrol at
  --token-file FILE   the enrolment token; - reads it from the standard input. Else SUTURE_ENROLMENT_TOKEN.
  --ephemeral         this host goes away by itself
  --timer             poll by a timer instead of staying resident
  --from WHERE        an https address or a folder with the packages and their SHA256SUMS
  --format FORMAT     deb, rpm or tar instead of what this system has
  --version           say which version this installs, and do nothing else
  --dry-run           say what would be done, and do none of it
  --uninstall         remove the agent; with --purge its configuration, identity and patches, too
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
wrong() { printf 'install.sh: %s\n\n' "$*" >&2; usage >&2; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }
# Does it, or says that it would
run() {
  if [ "$dry" = yes ]; then say "would run: $*"; else "$@"; fi
}

server='' token_file='' ephemeral='' timer=no format='' dry=no action=install purge=no
while [ $# -gt 0 ]; do
  case $1 in
    --server | --token-file | --from | --format) [ $# -ge 2 ] || wrong "$1 wants a value" ;;
  esac
  case $1 in
    --server) server=$2; shift ;;
    --token-file) token_file=$2; shift ;;
    --from) from=$2; shift ;;
    --format) format=$2; shift ;;
    --ephemeral) ephemeral=--ephemeral ;;
    --timer) timer=yes ;;
    --dry-run) dry=yes ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    --version) say "$version"; exit 0 ;;
    --help | -h) usage; exit 0 ;;
    --token) wrong "a token in the arguments can be read by every user of this host: use --token-file" ;;
    *) wrong "unknown option $1" ;;
  esac
  shift
done

# How the agent is installed here; nothing where it is not
installed_as() {
  if have dpkg-query && dpkg-query -W -f '${db:Status-Status}' suture-agent 2>/dev/null | grep -Eq '^(installed|config-files)$'; then say deb
  elif have rpm && rpm -q suture-agent >/dev/null 2>&1; then say rpm
  elif [ -d /usr/share/suture-agent ]; then say tar
  fi
}

uninstall() {
  kind=$(installed_as)
  say "removing suture-agent ($kind); patches that are applied stay until their process or this host starts anew"
  case $kind in
    deb) if [ "$purge" = yes ]; then run dpkg --purge suture-agent; else run dpkg --remove suture-agent; fi ;;
    rpm)
      run rpm --erase suture-agent
      [ "$purge" = no ] || run rm -rf /var/lib/suture /var/lib/suture-agent /etc/suture/agent.d /etc/suture/health.d /etc/suture/agent.toml /etc/suture/agent.toml.rpmsave
      [ "$purge" = no ] || [ ! -d /etc/suture ] || run rmdir --ignore-fail-on-non-empty /etc/suture
      ;;
    tar)
      run /usr/share/suture-agent/before-remove.sh
      [ "$purge" = no ] || run /usr/share/suture-agent/after-purge.sh
      run rm -rf /usr/lib/suture-agent /usr/share/suture-agent /usr/share/doc/suture-agent /usr/bin/suture-agent \
        /usr/lib/systemd/system/suture-agent.service /usr/lib/systemd/system/suture-agent.timer \
        /usr/lib/systemd/system/suture-agent-once.service /usr/lib/systemd/system/suture-agent-boot.service \
        /usr/share/man/man8/suture-agent.8 /usr/share/bash-completion/completions/suture-agent \
        /usr/share/zsh/site-functions/_suture-agent /usr/share/zsh/vendor-completions/_suture-agent \
        /usr/share/fish/vendor_completions.d/suture-agent.fish
      for folder in man/man8 bash-completion/completions zsh/site-functions zsh/vendor-completions fish/vendor_completions.d; do
        [ ! -d "/usr/share/$folder" ] || run rmdir --parents --ignore-fail-on-non-empty "/usr/share/$folder"
      done
      ;;
    *)
      [ "$purge" = yes ] || fail "suture-agent is not installed"
      run rm -rf /var/lib/suture-agent /var/lib/suture
      ;;
  esac
}

# Copies a file of the packages' place to a path
fetch() {
  case $from in
    https://* | http://127.0.0.1:* | http://localhost:*)
      if have curl; then curl -fsSL --retry 3 -o "$2" "$from/$1"
      elif have wget; then wget -q -O "$2" "$from/$1"
      else fail "neither curl nor wget is here: install one, or download the packages and give --from FOLDER"
      fi || fail "$from/$1 cannot be had"
      ;;
    /*) cp "$from/$1" "$2" || fail "$from/$1 cannot be read" ;;
    *) fail "--from must be an https address or the whole path of a folder, not $from" ;;
  esac
}

verify_sums() {
  have openssl || fail "openssl is needed to verify what is downloaded: install it and run this again"
  printf '%s\n' "$key" >"$work/key.pem"
  openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" >/dev/null 2>&1 ||
    fail "SHA256SUMS is not signed by the key that this script knows: nothing was installed"
  [ -n "$(digest_of)" ] || fail "SHA256SUMS has no $file: this script and those packages are of different versions"
}

digest_of() { sed -n "s/^\([0-9a-f]\{64\}\)  $file\$/\1/p" "$work/SHA256SUMS"; }

verify_file() {
  [ "$(sha256sum "$work/$file" | cut -d' ' -f1)" = "$(digest_of)" ] ||
    fail "$file is not what SHA256SUMS says: nothing was installed"
  say "verified: $file is what was signed"
}

unpack() {
  moment=install
  if [ -d /usr/share/suture-agent ]; then moment=upgrade; fi
  # Whole beside the old one, and then in its place
  new=/usr/lib/.suture-agent.new
  run rm -rf "$new"
  run mkdir "$new"
  run tar -xzf "$work/$file" -C "$new" --no-same-owner
  if [ -f /etc/suture/agent.toml ]; then run rm -r "$new/etc"; fi
  run rm -rf /usr/lib/suture-agent
  run mv "$new/usr/lib/suture-agent" /usr/lib/
  run cp -R "$new/." /
  run rm -rf "$new"
  run /usr/share/suture-agent/after-install.sh "$moment"
}

install_agent() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) tar_arch=x64 deb_arch=amd64 rpm_arch=x86_64 ;;
    Linux-aarch64) tar_arch=arm64 deb_arch=arm64 rpm_arch=aarch64 ;;
    *) fail "there is no package for $(uname -s) on $(uname -m)" ;;
  esac
  if [ -z "$format" ]; then
    if have dpkg && [ -d /var/lib/dpkg ]; then format=deb
    elif have rpm; then format=rpm
    else format=tar
    fi
  fi
  before=$(installed_as)
  [ -z "$before" ] || [ "$before" = "$format" ] || fail "the agent is installed as $before: give --format $before, or remove it first (--uninstall)"
  sorted=$(printf %s "$version" | sed 's/-/~/')
  case $format in
    deb) file="suture-agent_${sorted}_$deb_arch.deb" ;;
    rpm) file="suture-agent-$sorted-1.$rpm_arch.rpm" ;;
    tar) file="suture-agent-$version-linux-$tar_arch.tar.gz" ;;
    *) wrong "--format is deb, rpm or tar" ;;
  esac

  say "suture-agent $version for $(uname -m), as $format, from $from"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  for name in SHA256SUMS SHA256SUMS.sig; do fetch "$name" "$work/$name"; done
  verify_sums
  if [ "$dry" = yes ]; then
    say "would download $file and compare it with what is signed: $(digest_of)"
  else
    fetch "$file" "$work/$file"
    verify_file
  fi
  case $format in
    deb)
      if have apt-get; then run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold "$work/$file"
      else run dpkg --force-confold --install "$work/$file"
      fi
      ;;
    rpm) run rpm --upgrade --replacepkgs "$work/$file" ;;
    tar) unpack ;;
  esac
}

# Before anything is installed: a host without a token would have an agent that cannot enrol
check_token() {
  [ -n "$server" ] && [ ! -f /var/lib/suture/identity.json ] || return 0
  [ -n "$token_file" ] || [ -n "${SUTURE_ENROLMENT_TOKEN:-}" ] || fail "to enrol, give --token-file FILE or SUTURE_ENROLMENT_TOKEN: nothing was installed"
  [ -z "$token_file" ] || [ "$token_file" = - ] || [ -r "$token_file" ] || fail "$token_file cannot be read: nothing was installed"
}

enrol() {
  [ -n "$server" ] || return 0
  if [ -f /var/lib/suture/identity.json ]; then say "this host is enrolled already"; return 0; fi
  # shellcheck disable=SC2086 # two words or none
  run suture-agent enroll --server "$server" ${token_file:+--token-file} ${token_file:+"$token_file"} $ephemeral
}

start() {
  if ! have systemctl || [ ! -d /run/systemd/system ]; then
    say "there is no systemd here: start it by suture-agent run"
    return 0
  fi
  if [ "$timer" = yes ]; then
    run systemctl disable --now suture-agent.service
    run systemctl enable --now suture-agent.timer
  elif systemctl is-enabled --quiet suture-agent.timer; then run systemctl restart suture-agent.timer
  else run systemctl restart suture-agent.service
  fi
}

[ "$dry" = yes ] || [ "$(id -u)" = 0 ] || fail "this must be run as root"
if [ "$action" = uninstall ]; then
  uninstall
  exit 0
fi
[ -n "$from" ] || wrong "say by --from where the packages are"
check_token
install_agent
enrol
start
[ "$dry" = yes ] || say "done: suture-agent status says how this host is"
