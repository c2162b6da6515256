unit flaky <<END
[Service]
ExecStart=/bin/sh -c "echo run; exit 1"
Restart=always
RestartSec=50ms
END
boot
expect "rinit: ready"
for ((i = 0; i < 200; i++)); do
	[[ $(ctl log flaky | grep -c run) -ge 3 ]] && break
	sleep 0.02
done
[[ $(ctl log flaky | grep -c run) -ge 3 ]] || fail "it was not restarted three times"
