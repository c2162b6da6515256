boot
expect "rinit: ready"
inside /bin/logger -t painter "zero"
logged painter zero
inside /bin/rinitctl log -f -n 1 painter >"$root/followed" 2>&1 &
inside /bin/rinitctl log -f >"$root/all" 2>&1 &
becomes "painter: zero" cat "$root/followed" # both are there from now on
becomes "rinit: ready" cat "$root/all"
inside /bin/logger -t painter "one"
inside /bin/logger -t other "not this one"
inside /bin/logger -t painter "two"
becomes "painter: two" cat "$root/followed"
becomes "painter: two" cat "$root/all"
grep -q "not this one" "$root/followed" && fail "$(cat "$root/followed")"
