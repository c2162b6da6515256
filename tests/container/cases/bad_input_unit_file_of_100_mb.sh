truncate -s 100M "$root/etc/rinit/huge.service"
yes "# a comment" | head -c 10000000 >"$root/etc/rinit/long.service"
printf '[Service]\nExecStart=/bin/echo fine runs\n#%0255000d\n' 0 >"$root/etc/rinit/fine.service"
mkdir -p "$root/etc/systemd/system/fine.service.d"
truncate -s 100M "$root/etc/systemd/system/fine.service.d/huge.conf"
boot
expect "huge.service: cannot read: File too large"
expect "long.service: cannot read: File too large"
expect "rinit: ready"
logged rinit "fine.service.d/huge.conf: cannot read: File too large"
ctl_fails 1 check huge
check "huge.service: cannot read: File too large" inside rinitctl check huge
check "huge: cannot be used; see rinitctl log rinit" inside rinitctl status huge
used=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
((used < 8192)) || fail "rinit took $used KiB at most"
