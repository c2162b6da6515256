unit bad <<END
[Service]
ExecStart=/no/such/thing
END
unit other <<END
[Service]
ExecStart=/bin/echo bad.service: says the other
END
boot
expect "rinit: ready"
check "rinit: bad.service: cannot run /no/such/thing" ctl log bad
logged other "says the other"
[[ $(ctl log bad) != *"says the other"* ]] || fail "what others say is not its log"
