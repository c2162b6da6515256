unit big <<END
[Service]
MemoryMax=512M
TasksMax=50
ExecStart=/bin/sleep 1000
END
boot
expect "big.service: not limited, for want of a cgroup2 controller: memory.max pids.max"
expect "rinit: started big.service"
