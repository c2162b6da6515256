for kind in mount automount; do stock data.$kind <<END
[${kind^}]
$([[ $kind == mount ]] && echo "What=tmpfs
Type=tmpfs")
Where=/data
END
done
wants multi-user.target data.automount
file etc/fstab <<FSTAB
tmpfs /a tmpfs noauto,x-systemd.automount 0 0
FSTAB
boot rinit.fstab=yes
expect "/etc/fstab:1: option x-systemd.automount is not known here and has no effect: it is mounted at boot"
expect "/lib/systemd/system/data.automount: mounting on first use is not done: data.mount starts in its place"
expect "rinit: ready"
check "tmpfs /data tmpfs" inside cat /proc/mounts
check "State: active" ctl status a.mount
