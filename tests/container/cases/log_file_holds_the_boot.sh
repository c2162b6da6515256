mkdir "$root/var"
unit worker <<END
[Service]
Type=oneshot
ExecStart=/bin/echo hello file
END
boot
expect "rinit: ready"
log=$root/var/log/rinit/rinit.log
for ((n = 0; n < 50; n++)); do grep -q "rinit: ready" "$log" 2>/dev/null && break; sleep 0.1; done
head -n1 "$log" | grep -q "rinit: version" || fail "the first line is missing: $(cat "$log")"
grep -Eq '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z worker.service: hello file$' "$log" || fail "$(cat "$log")"
[[ $(stat -c %a "$log") == 640 ]] || fail "mode $(stat -c %a "$log")"
