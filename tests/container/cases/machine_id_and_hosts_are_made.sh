boot
expect "rinit: ready"
[[ $(cat "$root/etc/machine-id") =~ ^[0-9a-f]{32}$ ]] || fail "machine id: $(cat "$root/etc/machine-id")"
check "127.0.0.1 localhost" cat "$root/etc/hosts"
