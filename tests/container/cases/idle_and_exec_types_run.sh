unit idle <<END
[Service]
Type=idle
ExecStart=/bin/sleep 1000
END
unit exec <<END
[Service]
Type=exec
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "State: running" ctl status idle
check "State: running" ctl status exec
