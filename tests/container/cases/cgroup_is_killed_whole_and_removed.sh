with_cgroups
unit forker <<'END'
[Service]
ExecStart=/bin/sh -c 'setsid sh -c "(setsid sleep 2000 &)"; echo set; exec sleep 1000'
END
boot
logged forker set
becomes "/system.slice/forker.service" inside sh -c 'cat /proc/$(pidof sleep | cut -d" " -f1)/cgroup'
ctl stop forker
inside pidof sleep && fail "a process that left its session is still there"
inside test -e /sys/fs/cgroup/system.slice/forker.service && fail "the control group is still there"
true
