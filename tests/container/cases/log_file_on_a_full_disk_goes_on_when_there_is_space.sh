mknod "$root/full" c 1 7
file etc/rinit/rinit.conf <<END
LogFile=/full
END
boot
expect "/full: cannot write: No space left on device"
[[ $(ctl log rinit | grep -c "cannot write") == 1 ]] || fail "$(ctl log rinit)"
rm "$root/full"
for ((n = 0; n < 80; n++)); do grep -q "rinit: ready" "$root/full" 2>/dev/null && break; sleep 0.1; done
head -n1 "$root/full" | grep -q "rinit: version" || fail "lines are missing: $(cat "$root/full")"
