[[ -x /usr/sbin/service ]] || { echo "skipped: init-system-helpers is not installed here"; exit 77; }
with_usr
stock web.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
END
stock web.socket <<'END'
[Socket]
ListenStream=/run/web
END
boot
expect "rinit: ready"
debian /usr/sbin/service web start || fail "start"
ctl is-active web
debian /usr/sbin/service web status >/dev/null || fail "status"
debian /usr/sbin/service web restart || fail "restart"
debian /usr/sbin/service web force-reload || fail "force-reload"
ctl start web.socket
debian /usr/sbin/service web stop || fail "stop"
ctl_fails 3 is-active web
ctl_fails 3 is-active web.socket
debian /usr/sbin/service web status >/dev/null
[[ $? == 3 ]] || fail "status of what does not run is not 3"
debian /usr/sbin/service nothing status >/dev/null
[[ $? == 4 ]] || fail "status of what is not there is not 4"
