# timeout: 300
stock a@.service <<END
[Unit]
Wants=a@%ix.service a@%iy.service
[Service]
ExecStart=/bin/true
END
unit other <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
inside /bin/rinitctl start --no-block a@1 || true
expect "there are too many units: this and further ones are left out"
check "State: running" ctl status other
[[ $(grep -c "too many units" "$out") == 1 ]] || fail "it is said again and again"
