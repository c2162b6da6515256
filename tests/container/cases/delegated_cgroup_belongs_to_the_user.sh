with_cgroups
file etc/passwd <<END
root::0:0:root:/root:/bin/sh
web:x:33:33:web:/srv:/bin/sh
END
unit pods <<'END'
[Service]
User=web
Delegate=yes
ExecStart=/bin/sh -c 'mkdir /sys/fs/cgroup/system.slice/pods.service/own && echo made; exec sleep 1000'
END
boot
logged pods made
ctl stop pods
inside test -e /sys/fs/cgroup/system.slice/pods.service && fail "the control group is still there"
true
