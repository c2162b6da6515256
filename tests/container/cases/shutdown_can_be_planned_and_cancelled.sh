boot
expect "rinit: ready"
inside /bin/shutdown -c 2>/dev/null && fail "there was nothing to cancel"
inside /bin/shutdown -r +5 "for a new disk" || fail "shutdown +5"
check "Shutdown: reboot in " ctl status
inside /bin/shutdown -c || fail "shutdown -c"
[[ $(ctl status) != *Shutdown* ]] || fail "it was not cancelled"
inside /bin/shutdown -k now "only words" || fail "shutdown -k"
inside /bin/shutdown -h 23:59 || fail "shutdown HH:MM"
check "Shutdown: power off in " ctl status
for when in 24:00 1:7 soon +x -1; do
	inside /bin/shutdown -h "$when" 2>/dev/null
	[[ $? == 2 ]] || fail "shutdown $when was taken"
done
as_user /bin/rinitctl poweroff 2>/dev/null && fail "a user may power off"
inside /bin/shutdown -h now
expect "going to power off"
ends 0
