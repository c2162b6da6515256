unit bus <<END
[Service]
Type=dbus
BusName=org.example
ExecStart=/bin/sleep 1000
END
boot
expect "nobody asks the bus whether org.example is owned"
expect "rinit: started bus.service"
