#!/bin/sh
# After the files are in place. $1 is `install` or `upgrade`.
set -e
# What an administrator installed is what runs; self-update goes on from there
rm -f /var/lib/suture-agent/current
command -v systemctl >/dev/null || exit 0
# In an image that is being made, units can be enabled and nothing can be started
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = install ]; then
  systemctl enable --quiet suture-agent-boot.service suture-agent.service
  if [ -d /run/systemd/system ]; then systemctl start suture-agent.service; fi
elif [ -d /run/systemd/system ]; then
  systemctl try-restart suture-agent.service
fi
