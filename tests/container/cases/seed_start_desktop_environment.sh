# What the desktop wants beside its display manager: services of graphical.target, in desktop mode alone.
file etc/rastos/mode <<<desktop
unit display-manager <<'END'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "sleep 0.2; echo greets; rinitctl notify READY=1; exec sleep 1000"
END
unit compositor <<'END'
[Unit]
After=display-manager.service
[Service]
ExecStart=/bin/sh -c "echo composes in $RASTOS_MODE; exec sleep 1000"
[Install]
WantedBy=graphical.target
END
boot
expect "display-manager.service: greets"
expect "rinit: ready"
logged compositor "composes in desktop"
