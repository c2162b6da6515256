# A file system that the machine needs is missing: a root shell on the console, and no service. It is mended there.
# console: emergency shell => /usr/lib/metal/agent by-hand &
check "LABEL=nowhere" rinitctl log srv-nowhere.mount
check "emergency.service" rinitctl list --state=running
[[ -z $(ps -C sshd,nginx,cron,dockerd -o pid=) ]] || fail "services run: $(rinitctl list --state=running)"
check "exit status 1" rinitctl why srv-nowhere.mount
outside type ttyS0 'echo I am $(id -un) on $(tty)'
outside expect ttyS0 "I am root on /dev/console" 20
sed -i /nowhere/d /etc/fstab
reboot
sleep 60
