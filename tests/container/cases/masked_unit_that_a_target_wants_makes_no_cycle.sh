stock a.service <<END
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
ExecStart=/bin/echo must not run
END
mkdir -p "$root/lib/systemd/system/sysinit.target.wants" "$root/etc/systemd/system"
ln -s ../a.service "$root/lib/systemd/system/sysinit.target.wants/"
ln -s /dev/null "$root/etc/systemd/system/a.service"
boot
expect "rinit: ready"
never "wait for each other"
