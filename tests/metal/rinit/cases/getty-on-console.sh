# Every active console asks for a login: the serial line, the virtio console, whose driver is a module, and the screen. On each
# of the lines somebody logs in for real, and gets a new prompt after that; no other terminal has a login.
check "hvc0" cat /sys/class/tty/console/active
[[ $(cd /sys/fs/cgroup/system.slice && echo getty@*) == "getty@hvc0.service getty@tty1.service getty@ttyS0.service" ]] ||
	fail "there are other logins: $(rinitctl list)"
active getty@hvc0 getty@tty1 getty@ttyS0
wait_for 10 grep -a -q "machine login:" /dev/vcs1
for console in ttyS0 hvc0; do
	outside type $console ""
	outside expect $console "machine login: " 20
	outside type $console tester
	outside expect $console "Password: " 20
	outside type $console rastos
	outside expect $console "tester@machine" 30
	outside type $console 'tty; id -un; exit'
	outside expect $console "/dev/$console" 20
	outside expect $console "tester" 20
	outside expect $console "machine login: " 20
done
check "tester" lastlog -u tester
