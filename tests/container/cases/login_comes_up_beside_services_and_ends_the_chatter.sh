file etc/rinit/rinit.conf <<END2
Getty=yes
Autologin=root
END2
file bin/login <<'END2'
#!/bin/sh
echo "$*" >/tmp/login
exec sleep 1000
END2
chmod 755 "$root/bin/login"
unit slow <<'END2'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'until rinitctl is-active --quiet getty@console.service && grep -q "^-f root$" /tmp/login; do sleep 0.05; done'
END2
boot
expect "rinit: started login on console"
expect "rinit: ready"
logged rinit "finished slow.service"
never "finished slow.service"
