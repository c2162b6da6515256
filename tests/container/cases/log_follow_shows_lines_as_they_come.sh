boot
expect "rinit: ready"
inside /bin/logger -t painter "zero"
logged painter zero
inside /bin/rinitctl log -f -n 1 painter >"$root/followed" 2>&1 &
inside /bin/rinitctl log -f >"$root/all" 2>&1 &
sleep 0.3
inside /bin/logger -t painter "one"
inside /bin/logger -t other "not this one"
inside /bin/logger -t painter "two"
for ((n = 0; n < 50; n++)); do grep -q "painter: two" "$root/followed" && grep -q "painter: two" "$root/all" && break; sleep 0.1; done
grep -q "painter: two" "$root/all" && grep -q "rinit: ready" "$root/all" || fail "$(cat "$root/all")"
grep -q "not this one" "$root/followed" && fail "$(cat "$root/followed")"
grep -q "painter: zero" "$root/followed" || fail "$(cat "$root/followed")"
