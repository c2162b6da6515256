stock systemd-udevd.service <<END
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
ExecStart=/bin/echo must not run
END
mkdir -p "$root/lib/systemd/system/sysinit.target.wants" "$root/etc/systemd/system"
ln -s ../systemd-udevd.service "$root/lib/systemd/system/sysinit.target.wants/"
ln -s /dev/null "$root/etc/systemd/system/systemd-udevd.service"
boot
expect "rinit: ready"
check "inactive" ctl list
never "must not run"
