# What manages containers comes after what runs them, and is started again with it.
file etc/rastos/mode <<<server
stock runtime.service <<'END'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "sleep 0.2; echo runtime serves; rinitctl notify READY=1; exec sleep 1000"
[Install]
WantedBy=multi-user.target
END
stock orchestrator.service <<'END'
[Unit]
Requires=runtime.service
After=runtime.service network-online.target
Wants=network-online.target
[Service]
ExecStart=/bin/sh -c "echo orchestrator begins; exec sleep 1000"
Restart=always
[Install]
WantedBy=multi-user.target
END
wants multi-user.target orchestrator.service
boot
expect "runtime.service: runtime serves"
expect "rinit: ready"
logged orchestrator "orchestrator begins"
before=$(inside rinitctl status orchestrator | grep Process)
ctl restart runtime
for ((i = 0; i < 200; i++)); do
	[[ $(inside rinitctl status orchestrator) == *"State: running"* ]] && break || sleep 0.05
done
check "State: running" ctl status orchestrator
[[ $(inside rinitctl status orchestrator | grep Process) != "$before" ]] || fail "it was not restarted with its runtime"
