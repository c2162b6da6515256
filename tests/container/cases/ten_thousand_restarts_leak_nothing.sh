# 20 services that end at once and start again at once, until there were 10,000 restarts: PID 1 holds what it held after 1,000.
# timeout: 300
workers=()
for ((i = 0; i < 20; i++)); do
	workers+=(worker$i)
	unit worker$i <<'END'
[Service]
Environment=A=b
RuntimeDirectory=%N
ExecStart=/bin/sh -c "echo >>/run/count"
Restart=always
RestartSec=0
END
done

# until_count NUMBER: lets them run until there have been so many starts, then stops them; what PID 1 has got then.
until_count() {
	until (($(inside stat -c %s /run/count 2>/dev/null || echo 0) >= $1)); do
		sleep 0.1
	done
	ctl stop "${workers[@]}" >/dev/null
	[[ -z $(inside pidof sh) ]] || fail "processes are left"
	[[ -z $(inside sh -c 'ps -o stat,comm | grep ^Z') ]] || fail "there are zombies"
	descriptors=$(inside sh -c 'ls /proc/1/fd | wc -l')
	folders=$(inside sh -c 'ls /run' | paste -s -d ' ')
	heap=$(inside awk '/VmData/ { print $2 }' /proc/1/status)
	memory=$(inside awk '/^Pss:/ { print $2 }' /proc/1/smaps_rollup)
	held="descriptors $descriptors, heap $heap kB, memory $memory kB, folders $folders"
}

boot
expect "rinit: ready"
until_count 1000
before=$held descriptors_before=$descriptors folders_before=$folders heap_before=$heap memory_before=$memory
ctl start "${workers[@]}" >/dev/null
until_count 11000
echo "$(inside stat -c %s /run/count) restarts: $held"
# Two bytes a restart would be 20 kB; a page or two is how full the heap happens to be.
[[ $descriptors == "$descriptors_before" && $folders == "$folders_before" ]] &&
	((heap <= heap_before + 12 && memory <= memory_before + 12)) || fail "after 1,000: $before"
