file etc/fstab <<FSTAB
tmpfs /srv       tmpfs noauto 0 0
tmpfs /other     tmpfs noauto 0 0
tmpfs /wanted    tmpfs noauto 0 0
FSTAB
stock srv-data.mount <<END
[Mount]
What=tmpfs
Where=/srv/data
Type=tmpfs
END
unit user <<END
[Unit]
RequiresMountsFor=/srv/data/below
WantsMountsFor=/wanted
[Service]
ExecStart=/bin/sh -c 'grep -E " (/srv/data|/wanted) " /proc/mounts; sleep 1000'
END
stock sys-own.mount <<END
[Mount]
What=tmpfs
Where=/sys/own
Type=tmpfs
Options=nofail
END
stock dev-mqueue.mount <<END
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Mount]
What=tmpfs
Where=/dev/mqueue
Type=tmpfs
END
for name in sys-own dev-mqueue; do wants sysinit.target $name.mount; done
unit worker <<END
[Unit]
RequiresMountsFor=/dev/mqueue
[Service]
WorkingDirectory=/other
ExecStart=/bin/sh -c 'stat -f -c %%T .; sleep 1000'
END
boot rinit.fstab=yes
expect "rinit: ready"
logged user "tmpfs /srv/data tmpfs"
logged user "tmpfs /wanted tmpfs"
logged worker "tmpfs"
check "State: active" ctl status srv.mount
# systemd's own are for who needs them.
check "tmpfs /dev/mqueue tmpfs" inside cat /proc/mounts
[[ $(inside /bin/rinitctl list) != *sys-own* ]] || fail "nobody needs it"
# Who needs it stops first, and what is mounted below.
ctl stop srv.mount
check "State: inactive" ctl status user
check "State: inactive" ctl status srv-data.mount
[[ $(inside cat /proc/mounts) != *" /srv"* ]] || fail "it is mounted"
check "State: running" ctl status worker
check "tmpfs /wanted" inside cat /proc/mounts
