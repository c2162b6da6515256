unit talker <<END
[Service]
Type=oneshot
ExecStart=/bin/seq 1 50
END
boot
expect "rinit: ready"
logged talker "talker.service: 50"
[[ $(ctl log talker -n 3 | wc -l) == 3 ]] || fail "$(ctl log talker -n 3)"
check "talker.service: 48" ctl log -n 3 talker
[[ -z $(ctl log -n 0) ]] || fail "$(ctl log -n 0)"
ctl_fails 2 log -n
ctl_fails 2 log -n x
ctl_fails 2 log --frob
ctl_fails 2 log one two
ctl_fails 3 log nothing
