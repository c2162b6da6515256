name=$(printf 'a%.0s' {1..140}).device
unit wants <<END
[Unit]
Wants=$name
[Service]
ExecStart=/bin/sleep 1000
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s /dev/null "$root/etc/systemd/system/multi-user.target.wants/$name"
boot
expect "rinit: ready"
ctl_fails 3 status "$name"
check "State: running" ctl status wants
