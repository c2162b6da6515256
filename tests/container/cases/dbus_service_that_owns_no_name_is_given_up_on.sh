unit bus <<END
[Service]
Type=dbus
BusName=org.example.Name
TimeoutStartSec=1s
ExecStart=/bin/sleep 1000
END
unit nameless <<END
[Service]
Type=dbus
ExecStart=/bin/sleep 1000
END
boot
expect "nameless.service: Type=dbus needs a BusName="
expect "bus.service: nobody owns org.example.Name on the bus after 1.0 s: stopping it"
expect "rinit: ready"
check "State: failed" ctl status bus
