unit web <<END
[Service]
ExecStart=/bin/sleep 1000
END
file etc/init.d/other <<'END'
#!/bin/sh
echo "other was asked to $1 $2"
END
chmod 755 "$root/etc/init.d/other"
boot
expect "rinit: ready"
inside /bin/service web status >/dev/null || fail "status"
inside /bin/service web stop || fail "stop"
inside /bin/service web status >/dev/null
[[ $? == 3 ]] || fail "status of what does not run is not 3"
check " [ - ]  web" inside /bin/service --status-all
inside /bin/service web start || fail "start"
check " [ + ]  web" inside /bin/service --status-all
inside /bin/service web --full-restart || fail "--full-restart"
inside /bin/service web.service try-restart || fail "try-restart"
check "other was asked to flush now" inside /bin/service other flush now
inside /bin/service web frobnicate 2>/dev/null && fail "an unknown action was taken"
inside /bin/service web 2>/dev/null
[[ $? == 2 ]] || fail "no action"
inside /bin/service web force-stop || fail "force-stop"
