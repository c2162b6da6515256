# A helper that hangs, since another program has its name.
file usr/local/sbin/rinitctl <<END
#!/bin/sh
exec sleep 1000
END
chmod 755 "$root/usr/local/sbin/rinitctl"
mkdir -p "$root/etc/init.d"
unit late <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "version"
for ((n = 0; n < 200; n++)); do ctl list | grep -q "generator.service *starting" && break; sleep 0.02; done
signal TERM
expect "going to power off"
ends 0
never "started late"
