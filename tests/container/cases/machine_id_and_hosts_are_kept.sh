file etc/machine-id <<ID
0123456789abcdef0123456789abcdef
ID
file etc/hosts <<HOSTS
192.0.2.1 mine
HOSTS
boot
expect "rinit: ready"
check 0123456789abcdef0123456789abcdef cat "$root/etc/machine-id"
[[ $(cat "$root/etc/hosts") == "192.0.2.1 mine" ]] || fail "hosts were changed"
never "setup.service"
