for name in a b; do
	unit $name <<END
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo $name runs
[Install]
Alias=x.service
END
done
boot
expect "b.service: Alias=x.service is a.service already, which keeps it"
expect "rinit: ready"
check "Name: a.service" ctl status x
check "State: active" ctl status b
check "Alias=x.service is a.service already" ctl log rinit
