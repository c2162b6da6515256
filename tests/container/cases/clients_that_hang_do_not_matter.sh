boot
expect "rinit: ready"
for ((i = 0; i < 15; i++)); do
	inside nc local:/run/rinit/control </dev/zero >/dev/null 2>&1 &
done
check "multi-user.target" ctl list
