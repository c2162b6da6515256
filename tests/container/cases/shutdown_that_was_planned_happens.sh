boot
expect "rinit: ready"
ctl_fails 2 poweroff +soon
ctl_fails 2 poweroff + now
ctl poweroff +1000
ctl reboot +1 # takes its place
check "Shutdown: reboot in " ctl status
expect "going to reboot"
