unit slow <<END
[Service]
Type=oneshot
ExecStart=/bin/sleep 1000
END
unit middle <<END
[Unit]
After=slow.service
[Service]
ExecStart=/bin/true
END
unit last <<END
[Unit]
After=middle.service
[Service]
ExecStart=/bin/true
END
boot
expect "version"
for ((n = 0; n < 50; n++)); do ctl status slow 2>/dev/null | grep -q starting && break; sleep 0.1; done
check "it waits for middle.service (waiting)" ctl why last
check "middle.service waits for slow.service (starting)" ctl why last
check "slow.service is starting since" ctl why last
check '"it waits for middle.service (waiting)"' ctl --json why last
