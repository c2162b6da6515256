# Autologin= in rinit.conf logs somebody in on every console, as a login would, and again when that ends.
for console in ttyS0 hvc0; do
	outside expect $console "tester@machine" 30
	outside type $console 'echo "I am $(id -un) on $(tty)"; exit'
	outside expect $console "I am tester on /dev/$console" 20
	outside expect $console "tester@machine" 30
done
wait_for 10 grep -a -q "tester@machine" /dev/vcs1
