#!/bin/sh
# Everything that came to be while the agent was here. Its configuration file goes with the package.
set -e
rm -rf /var/lib/suture /var/lib/suture-agent /etc/suture/agent.d /etc/suture/health.d /etc/suture/agent.toml
rmdir --ignore-fail-on-non-empty /etc/suture 2>/dev/null || true
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
