unit steady <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "File: /etc/rinit/steady.service" ctl status steady
check " s ago" ctl status steady
check '"File":"/etc/rinit/steady.service"' ctl --json status steady
[[ $(ctl --json status steady) =~ '"Since":"'[0-9]+\.[0-9]+' s"' ]] || fail "$(ctl --json status steady)"
