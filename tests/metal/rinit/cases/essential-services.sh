# Debian's services as they are shipped, used for real: a login over ssh with a key, a page from nginx, a job of cron's, chrony's
# word on time, and D-Bus, which its socket has started.
# timeout: 150
active ssh nginx cron chrony dbus
# cron looks once a minute: the clock is set to just before one. @reboot jobs have a boot of their own.
echo '* * * * * root id -un >/run/cron-was-here' >/etc/cron.d/metal
date -s "$(date +%Y-%m-%d) 12:00:57" >/dev/null

ssh-keygen -q -t ed25519 -N "" -f key
install -d -m 700 -o tester -g tester ~tester/.ssh
install -m 600 -o tester -g tester key.pub ~tester/.ssh/authorized_keys
[[ $(ssh -i key -o StrictHostKeyChecking=no -o BatchMode=yes tester@127.0.0.1 id -un 2>/dev/null) == tester ]] ||
	fail "no login over ssh: $(rinitctl log ssh)"

echo "hello from rinit" >/var/www/html/hello
[[ $(curl -s http://127.0.0.1/hello) == "hello from rinit" ]] || fail "nginx does not serve"
rinitctl reload nginx
[[ $(curl -s http://127.0.0.1/hello) == "hello from rinit" ]] || fail "nginx does not serve after a reload"

check "Reference ID" chronyc -n tracking
check "org.freedesktop.DBus" dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
	org.freedesktop.DBus.ListNames

wait_for 70 test -s /run/cron-was-here
check root cat /run/cron-was-here
