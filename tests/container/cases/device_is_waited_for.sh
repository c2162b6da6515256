unit early <<END
[Unit]
Requires=dev-null.device
After=dev-null.device sys-subsystem-net-devices-lo.device
BindsTo=sys-subsystem-net-devices-lo.device
[Service]
ExecStart=/bin/echo was there
END
unit late <<END
[Unit]
BindsTo=dev-rinit\\x2dlate.device
After=dev-rinit\\x2dlate.device
[Service]
ExecStart=/bin/sh -c 'echo came; sleep 1000'
END
boot
logged early "was there"
check "State: waiting" ctl status late
check "starting" ctl list
inside mknod /dev/rinit-late c 1 3
expect "rinit: ready"
logged late "came"
check "State: active" ctl status 'dev-rinit\x2dlate.device'
