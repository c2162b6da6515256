unit batch <<'END'
[Service]
Type=oneshot
CPUSchedulingPolicy=batch
CPUAffinity=0
IOSchedulingClass=idle
ExecStart=/bin/sh -c 'echo "policy $$(cut -d" " -f41 /proc/self/stat), $$(grep Cpus_allowed_list /proc/self/status), $$(ionice -p $$$$)"'
END
unit round <<'END'
[Service]
Type=oneshot
CPUSchedulingPolicy=rr
CPUSchedulingPriority=7
IOSchedulingPriority=1
ExecStart=/bin/sh -c 'echo "policy $$(cut -d" " -f40,41 /proc/self/stat), $$(ionice -p $$$$)"'
END
unit nowhere <<'END'
[Service]
CPUAffinity=1023
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
logged batch "policy 3, Cpus_allowed_list:	0, idle"
logged round "policy 7 2, best-effort: prio 1"
check "nowhere.service: cannot run /bin/sleep: CPUAffinity, CPUScheduling or IOScheduling: Invalid argument" ctl log rinit
