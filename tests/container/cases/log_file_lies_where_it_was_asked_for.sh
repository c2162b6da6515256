file etc/rinit/rinit.conf <<END
[Rinit]
LogFile=/logs/boot.log
END
boot
expect "rinit: ready"
for ((n = 0; n < 50; n++)); do grep -q "rinit: ready" "$root/logs/boot.log" 2>/dev/null && return; sleep 0.1; done
fail "there is no /logs/boot.log"
