rm -r "$root/etc"
boot
expect "rinit: ready"
check "State: running" ctl status
check "active" ctl list
ctl log
inside /bin/poweroff # may be killed with all others, before it can say so
ends 0
