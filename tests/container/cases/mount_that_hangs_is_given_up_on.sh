file sbin/mount.slow <<'SCRIPT'
#!/bin/sh
sleep 1000
SCRIPT
chmod +x "$root/sbin/mount.slow"
file etc/fstab <<'FSTAB'
what /slow slow nofail,x-systemd.mount-timeout=500ms 0 0
FSTAB
boot rinit.fstab=yes
expect "rinit: ready"
logged slow.mount "what: not mounted within 0.5 s"
