mkdir "$root/var"
boot
expect "rinit: ready"
signal TERM
ends 0
grep -q "ready" "$root/var/log/rinit/rinit.log" || fail "$(cat "$root/var/log/rinit/rinit.log")"
