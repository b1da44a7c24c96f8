#!/bin/sh
# Before the files go. What is applied stays applied, and the host stays enrolled: `suture-agent unenroll` is the administrator's.
set -e
command -v systemctl >/dev/null || exit 0
if [ -d /run/systemd/system ]; then
  systemctl stop suture-agent.timer suture-agent-once.service suture-agent.service suture-agent-boot.service
fi
systemctl disable --quiet suture-agent.timer suture-agent.service suture-agent-boot.service
