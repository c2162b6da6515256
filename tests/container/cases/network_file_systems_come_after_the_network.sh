file sbin/mount.nfs <<'SCRIPT'
#!/bin/sh
exec mount -t tmpfs nfs "$2"
SCRIPT
chmod +x "$root/sbin/mount.nfs"
file etc/fstab <<'FSTAB'
server:/share /share nfs   defaults 0 0
tmpfs         /too   tmpfs _netdev  0 0
FSTAB
boot rinit.fstab=yes
expect "started /"
expect "rinit: ready"
check "nfs /share tmpfs" inside cat /proc/mounts
check "network-online.target" ctl list
check "State: active" ctl status remote-fs.target
check "State: active" ctl status network-online.target
