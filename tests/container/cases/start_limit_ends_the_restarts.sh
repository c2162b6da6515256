unit flaky <<END
[Unit]
StartLimitIntervalSec=30
StartLimitBurst=3
[Service]
ExecStart=/bin/false
Restart=always
RestartSec=10ms
END
boot
expect "flaky.service: started 3 times within 30.0 s: not again until somebody asks"
becomes "State: failed" ctl status flaky
