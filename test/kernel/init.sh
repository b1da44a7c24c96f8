#!/bin/busybox sh
# The guest's first process: mounts what the agent needs, then does what the host says (commands.sh). Where there is a disk with a
# whole system, that goes on from here.
export PATH=/usr/sbin:/sbin:/usr/bin:/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /etc /share /state /root /sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
if grep -q suture_disk /proc/cmdline; then
  for module in virtio_pci virtio_blk crc32c_generic ext4 9pnet_virtio 9p; do modprobe -q $module; done
  mkdir /disk && mount /dev/vda /disk && umount /sys/kernel/security && exec switch_root /disk /sbin/init
fi
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ln -s /proc/self/fd /dev/fd
echo "root:x:0:0::/root:/bin/sh" >/etc/passwd
for module in virtio_pci virtio_net 9pnet_virtio 9p; do modprobe -q $module; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 share /share
mount -t 9p -o trans=virtio,version=9p2000.L,rw,cache=none,msize=262144 state /state
ip link set lo up
ip link set eth0 up 2>/dev/null && ip addr add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2
port=$(sed -n 's/.*suture_port=\([0-9]*\).*/\1/p' /proc/cmdline)
# The agent talks to a service on its own loopback; the service is on the host's
[ -n "$port" ] && nc -ll -p "$port" -e nc 10.0.2.2 "$port" &
# What a booted system would do first of all, before the network
if [ -e /state/boot.sh ]; then sh /state/boot.sh >/state/boot.log 2>&1; fi
exec sh /commands.sh
