unit plain <<END
[Service]
ExecStart=/bin/sleep 1000
END
unit loads <<END
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/touch /run/reloaded
END
stock down.service <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
pid_of() { inside rinitctl status "$1" | sed -n 's/ *Process: //p'; }
plain=$(pid_of plain)
loads=$(pid_of loads)
inside /bin/systemctl try-reload-or-restart plain loads down || fail "try-reload-or-restart"
[[ $(pid_of plain) != "$plain" ]] || fail "plain was not restarted"
[[ $(pid_of loads) == "$loads" ]] || fail "loads was restarted"
inside /bin/ls /run/reloaded >/dev/null || fail "loads was not reloaded"
[[ -z $(pid_of down) ]] || fail "down was started"
inside /bin/systemctl try-restart down loads || fail "try-restart"
[[ -z $(pid_of down) ]] || fail "down was started"
[[ $(pid_of loads) != "$loads" ]] || fail "loads was not restarted"
inside /bin/systemctl reload-or-restart down || fail "reload-or-restart"
[[ -n $(pid_of down) ]] || fail "down was not started"
