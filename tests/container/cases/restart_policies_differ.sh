unit aborts <<END
[Service]
ExecStart=/bin/sh -c "echo again; kill -SEGV \$\$\$\$"
Restart=on-abort
RestartSec=20ms
END
unit exits <<END
[Service]
ExecStart=/bin/sh -c "exit 1"
Restart=on-abort
END
unit prevented <<END
[Service]
ExecStart=/bin/sh -c "exit 7"
Restart=always
RestartPreventExitStatus=7
END
unit fine <<END
[Service]
ExecStart=/bin/sh -c "exit 7"
SuccessExitStatus=7
END
boot
expect "rinit: ready"
logged rinit "aborts.service ended; it starts again"
logged aborts again
becomes "State: failed" ctl status exits
becomes "State: failed" ctl status prevented
becomes "State: inactive" ctl status fine
