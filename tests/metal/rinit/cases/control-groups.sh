# Limits reach the kernel's controllers and hold: a fork bomb stays within TasksMax and dies whole, a service that eats memory is
# killed and that is said, CPUQuota slows, Delegate gives the group away.
# timeout: 120
service() { cat >"/etc/systemd/system/$1.service"; }
group() { cat "/sys/fs/cgroup/system.slice/$1.service/$2"; }
is() { [[ $(group "$1" "$2") == "$3" ]] || fail "$1: $2 is $(group "$1" "$2"), not $3"; }

service limited <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
MemoryMax=64M
MemoryHigh=48M
MemoryLow=8M
MemorySwapMax=16M
CPUWeight=50
CPUQuota=25%
TasksMax=33
IOWeight=77
UNIT
service bomb <<'UNIT'
[Service]
ExecStart=/bin/bash -c 'while :; do sleep 1000 & done'
TasksMax=25
KillMode=control-group
StandardError=null
UNIT
service eater <<'UNIT'
[Service]
ExecStart=/usr/bin/tail /dev/zero
MemoryMax=20M
MemorySwapMax=0
UNIT
service spinner <<'UNIT'
[Service]
ExecStart=/bin/bash -c 'while :; do :; done'
CPUQuota=10%
UNIT
service mine <<'UNIT'
[Service]
User=tester
Delegate=yes
ExecStart=/bin/bash -c 'cd /sys/fs/cgroup/system.slice/mine.service && mkdir inner && echo $$$$ >inner/cgroup.procs && echo +pids >cgroup.subtree_control && sleep infinity'
UNIT
rinitctl daemon-reload
rinitctl start limited bomb spinner mine
rinitctl start --no-block eater
is limited memory.max $((64 << 20))
is limited memory.high $((48 << 20))
is limited memory.low $((8 << 20))
is limited memory.swap.max $((16 << 20))
is limited cpu.weight 50
is limited cpu.max "25000 100000"
is limited pids.max 33
io=$(rinitctl log | grep 'limited.service: not limited' || true)
[[ $io == *io.weight* ]] || is limited io.weight "default 77"

is bomb pids.max 25
wait_for 20 has 25 group bomb pids.current
wait_for 20 bash -c '! grep -q "^max 0$" /sys/fs/cgroup/system.slice/bomb.service/pids.events'
rinitctl stop bomb
pgrep -f "sleep 1000" && fail "a part of the bomb is left"
[[ ! -e /sys/fs/cgroup/system.slice/bomb.service ]] || fail "the bomb's group is left"

wait_for 30 has "failed" rinitctl is-active eater
check "oom-kill" rinitctl status eater
check "eater.service: out of memory" rinitctl log rinit

wait_for 20 bash -c 'grep "^nr_throttled [1-9]" /sys/fs/cgroup/system.slice/spinner.service/cpu.stat'
[[ $(stat -c %U /sys/fs/cgroup/system.slice/mine.service/cgroup.procs) == tester ]] || fail "the group is not its user's"
wait_for 10 has pids cat /sys/fs/cgroup/system.slice/mine.service/inner/cgroup.controllers
rinitctl stop mine spinner limited
[[ ! -e /sys/fs/cgroup/system.slice/mine.service ]] || fail "a delegated group is left"
