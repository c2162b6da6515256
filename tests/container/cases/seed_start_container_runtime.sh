# The server path. The units are like those of containerd and docker.io; the daemons say when they serve, as these do.
file etc/rastos/mode <<<server
file bin/daemon <<'END'
#!/bin/sh
[ "$1" != dockerd ] || [ -e /run/containerd ] || echo "containerd is not there"
sleep 0.2
: >/run/$1
rinitctl notify READY=1
exec sleep 1000
END
chmod 755 "$root/bin/daemon"
stock containerd.service <<'END'
[Unit]
After=network.target local-fs.target
[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/bin/daemon containerd
Type=notify
NotifyAccess=all
Delegate=yes
KillMode=process
LimitNPROC=infinity
OOMScoreAdjust=-999
[Install]
WantedBy=multi-user.target
END
stock docker.service <<'END'
[Unit]
After=network-online.target docker.socket containerd.service
Wants=network-online.target containerd.service
Requires=docker.socket
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/daemon dockerd
TimeoutStartSec=0
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
END
stock docker.socket <<'END'
[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
[Install]
WantedBy=sockets.target
END
wants multi-user.target docker.service
wants sockets.target docker.socket
boot
expect "rinit: ready"
[[ $(ctl log docker) != *"is not there"* ]] || fail "docker did not wait for containerd"
check "State: running" ctl status containerd
check "State: running" ctl status docker
inside sh -c '[ -S /run/docker.sock ]' || fail "docker's socket is not there"
