rm -r "$root/etc"
boot
expect "rinit: ready"
check "State: running" ctl status
check "active" ctl list
ctl log
ctl poweroff
ends 0
