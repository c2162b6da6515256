unit bad <<END
[Service]
Type=oneshot
ExecStart=/bin/false
END
unit good <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "bad.service" ctl list --failed
[[ $(ctl list --failed) != *good.service* ]] || fail "$(ctl list --failed)"
check "bad.service" ctl status --failed
[[ $(ctl list --state=running,active) == *good.service*multi-user.target* ]] || fail "$(ctl list --state=running,active)"
[[ $(ctl --json list --state=starting) == "[]" ]] || fail "$(ctl --json list --state=starting)"
check '"name":"bad.service","state":"failed"' ctl list --failed --json
ctl_fails 2 list --frob
