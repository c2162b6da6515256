stock a.service <<END
[Unit]
PartOf=b.service
After=b.service
[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]
Wants=a.service
[Service]
ExecStart=/bin/sleep 1000
END
wants multi-user.target b.service
boot
expect "rinit: ready"
before=$(ctl status a | grep Process)
ctl restart b
for i in {1..100}; do after=$(ctl status a | grep Process); [[ -n $after && $after != "$before" ]] && break; sleep 0.05; done
[[ -n $after && $after != "$before" ]] || fail "a was not restarted: $after"
check "State: running" ctl status b
ctl stop b
check "State: inactive" ctl status a
