unit gated <<END
[Service]
ExecStartPre=/bin/sh -c "exit 4"
ExecStart=/bin/echo never runs
ExecStopPost=/bin/echo cleaned up
END
unit tolerant <<END
[Service]
Type=oneshot
ExecStartPre=-/bin/false
ExecStart=/bin/echo runs
END
boot
expect "rinit: ready"
check "ExecStartPre=/bin/sh: exit status 4" ctl log rinit
logged gated "cleaned up"
becomes "State: failed" ctl status gated
check "runs" ctl log tolerant
[[ $(ctl log gated) != *never* ]] || fail "ExecStart= ran"
