file etc/fstab <<FSTAB
tmpfs /other  tmpfs noauto                                                    0 0
tmpfs /after  tmpfs x-systemd.requires-mounts-for=/other/x,x-systemd.after=a.service 0 0
tmpfs /wanted tmpfs x-systemd.wanted-by=user.service,x-systemd.device-timeout=5      0 0
/dev/not-there /soon ext4 nofail,x-systemd.device-timeout=100ms                      0 0
tmpfs /odd    tmpfs x-systemd.growfs                                                 0 0
FSTAB
unit a <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'grep -c /after /proc/mounts; true'
END
unit user <<END
[Unit]
After=wanted.mount
[Service]
ExecStart=/bin/sh -c 'grep /wanted /proc/mounts; sleep 1000'
END
boot rinit.fstab=yes
expect "/etc/fstab:5: option x-systemd.growfs is not known here and has no effect"
expect "rinit: ready"
logged a "0"
logged user "tmpfs /wanted tmpfs"
logged soon.mount "/dev/not-there: there is no such device after 0.1 s"
check "tmpfs /other tmpfs" inside cat /proc/mounts
check "tmpfs /after tmpfs" inside cat /proc/mounts
check "wanted.mount" inside ls /run/systemd/generator/user.service.wants
