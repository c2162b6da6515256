stock web.service <<'END'
[Unit]
Description=The web
Wants=helper.service
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/true
[Install]
WantedBy=multi-user.target
END
stock helper.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
END
stock web.socket <<'END'
[Socket]
ListenStream=/run/web
Service=helper.service
END
wants multi-user.target web.service
boot
expect "rinit: ready"
check "web.service                      loaded active       running        The web" inside /bin/systemctl list-units
[[ $(inside /bin/systemctl --no-legend list-units 'web*') == *web.service* ]] || fail "list-units with a pattern"
[[ -z $(inside /bin/systemctl --no-legend list-units 'user@*') ]] || fail "list-units with a pattern that nothing fits"
[[ -z $(inside /bin/systemctl --no-legend --failed list-units) ]] || fail "list-units --failed"
[[ $(inside /bin/systemctl --no-legend --type=service --state=exited) == *helper.service* ]] || fail "list-units --state"
[[ $(inside /bin/systemctl list-unit-files 'web*') == *"web.service"*"enabled"*"web.socket"*"static"* ]] || fail "list-unit-files"
[[ -z $(inside /bin/systemctl list-unit-files --state=masked) ]] || fail "list-unit-files --state"
check "web.service
  helper.service" inside /bin/systemctl list-dependencies web
check "helper.service
  web.service
    multi-user.target" inside /bin/systemctl list-dependencies --reverse helper
[[ $(inside /bin/systemctl show -p ActiveState,SubState --value web) == "active
running" ]] || fail "show of two properties"
[[ $(inside /bin/systemctl show -P MainPID web) == "$(inside rinitctl status web | sed -n 's/ *Process: //p')" ]] || fail "MainPID"
[[ $(inside /bin/systemctl show -pId -p Description web) == "Id=web.service
Description=The web" ]] || fail "show of two properties, each by itself"
check "CanReload=yes" inside /bin/systemctl show web
check "Triggers=helper.service" inside /bin/systemctl -p Triggers show web.socket
check "SubState=exited" inside /bin/systemctl show -p SubState helper
check "LoadState=not-found" inside /bin/systemctl show nothing
[[ -z $(inside /bin/systemctl show -p NoSuchProperty web) ]] || fail "a property that is none"
check "SystemState=running" inside /bin/systemctl show
check "/lib/systemd/system/web.service" inside /bin/systemctl cat web
check "multi-user.target" inside /bin/systemctl get-default
inside /bin/systemctl --quiet set-default graphical.target || fail "set-default"
check "graphical.target" inside /bin/systemctl get-default
