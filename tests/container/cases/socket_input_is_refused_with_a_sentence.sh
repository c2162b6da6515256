unit inetd <<END
[Service]
StandardInput=socket
ExecStart=/bin/sleep 1000
END
boot
expect "/etc/rinit/inetd.service:2: StandardInput=socket is not valid and has no effect"
