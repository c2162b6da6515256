unit web <<END
[Service]
ProtectSystem=strict
PrivateDevices=yes
ProtectHome=no
NoNewPrivileges=yes
ExecStart=/bin/sh -c "grep NoNewPrivs /proc/self/status; exec sleep 1000"
END
boot
expect "/etc/rinit/web.service: it runs without the confinement of ProtectSystem= (line 2), PrivateDevices= (line 3)"
never "ProtectHome="
logged web "NoNewPrivs:	1"
