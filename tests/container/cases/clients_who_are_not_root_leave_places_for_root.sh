boot
expect "rinit: ready"
for ((n = 0; n < 20; n++)); do
	as_user nc local:/run/rinit/control </dev/zero >/dev/null 2>&1 &
done
sleep 0.3
check "multi-user.target" ctl list
