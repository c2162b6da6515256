file etc/tmpfiles.d/x.conf <<'END'
d /run/made 0750 - - -
END
file etc/sysctl.d/x.conf <<'END'
net.ipv4.ip_forward = 1
END
unit first <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c "stat -c '%%n %%a' /run/made; cat /proc/sys/net/ipv4/ip_forward; wc -c </etc/machine-id; cat /etc/hosts"
END
boot rinit.sysctl=yes
expect "first.service: /run/made 750"
expect "first.service: 1"
expect "first.service: 33"
expect "localhost"
expect "rinit: ready"
for service in setup sysctl tmpfiles; do check "State: active" ctl status $service; done
[[ -S $root/dev/log ]] || inside sh -c '[ -S /dev/log ]' || fail "there is no /dev/log"
