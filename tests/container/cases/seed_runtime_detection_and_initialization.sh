file etc/rastos/mode <<END
server
END
unit env <<END
[Service]
Type=oneshot
Environment=MINE=1 "TWO=a b"
ExecStart=/bin/env
END
boot
expect "env.service: RASTOS_RUNTIME=container"
expect "env.service: RASTOS_MODE=server"
expect "env.service: MINE=1"
expect "env.service: TWO=a b"
