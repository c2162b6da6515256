unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
before=$(ctl status worker | grep Process)
ctl restart worker
[[ $(ctl status worker | grep Process) != "$before" ]] || fail "it is the same process"
ctl stop worker
check "State: inactive" ctl status worker
ctl stop worker
ctl start worker
check "State: running" ctl status worker
ctl start worker
