stock a.service <<END
[Unit]
Conflicts=b.service
[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]

[Service]
ExecStart=/bin/sleep 1000
END
wants multi-user.target b.service
boot
expect "rinit: ready"
check "State: running" ctl status b
ctl start a
logged rinit "b.service is stopped: it conflicts with a.service, which starts"
for i in {1..50}; do [[ $(ctl status b) == *inactive* ]] && break; sleep 0.05; done
check "inactive" ctl status b
ctl start b
for i in {1..50}; do [[ $(ctl status a) == *inactive* ]] && break; sleep 0.05; done
check "inactive" ctl status a
