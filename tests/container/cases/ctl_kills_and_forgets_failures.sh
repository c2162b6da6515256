file bin/other <<'END'
#!/bin/sh
trap "echo other got it" USR1
echo ready
while :; do sleep 0.05; done
END
file bin/two <<'END'
#!/bin/sh
trap "echo main got it" USR1
/bin/other &
while :; do sleep 0.05; done
END
chmod 755 "$root/bin/two" "$root/bin/other"
unit two <<END
[Service]
ExecStart=/bin/two
END
unit broken <<END
[Service]
Type=oneshot
ExecStart=/bin/false
END
boot
expect "rinit: ready"
logged two "ready"
ctl kill -s USR1 --kill-whom=main two
logged two "main got it"
[[ $(ctl log two) != *"other got it"* ]] || fail "the other one got it too"
ctl kill -s SIGUSR1 two
logged two "other got it"
ctl_fails 2 kill -s NOTHING two
ctl_fails 2 kill --kill-whom=nobody two
ctl_fails 2 kill
ctl_fails 3 kill nothing
ctl_fails 1 kill --kill-whom=control two
check "State: failed" ctl status broken
ctl_fails 1 kill broken
ctl reset-failed broken
check "State: inactive" ctl status broken
inside /bin/systemctl start broken 2>/dev/null
check "State: failed" ctl status broken
inside /bin/systemctl reset-failed || fail "reset-failed of all"
check "State: inactive" ctl status broken
ctl_fails 3 reset-failed nothing
inside /bin/systemctl --signal=KILL kill two || fail "systemctl kill"
becomes "State: failed" ctl status two
as_user /bin/rinitctl kill two 2>/dev/null && fail "a user may kill"
ctl --json kill two | grep -q '"code":1' || true
