# vCPUs come to a guest with Debian's stock kernel and go from it, half of the times while all of them work; a kernel that takes
# none is told of; and a guest that stops feeding its watchdog is reset and comes back.
# timeout: 120
# long: 400
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/vcpus.initrd <<'END2'
	cd /sys/devices/system/cpu
	echo "the guest is up"
	changes=0
	while :; do
		for cpu in cpu[1-9]; do # what comes is made to work, as a rule of udev's would
			[ ! -e $cpu/online ] || [ "$(cat $cpu/online)" = 1 ] || echo 1 >$cpu/online
		done 2>/dev/null
		now=$(cat online)
		if [ "$now" != "$seen" ]; then
			echo "online: $now."
			changes=$((changes + 1))
			if [ $changes = 4 ]; then
				for i in 1 2; do
					while :; do :; done &
				done
				echo "all of them work"
			fi
		fi
		seen=$now
		sleep 0.1
	done
END2
cat >/etc/rastos/guests/web.json <<'END2'
{ "name": "web", "role": "guest", "memory_mib": 256, "vcpus": 3, "current_vcpus": 1, "ready": "started", "autostart": false,
  "cpus": { "vcpupin": { "0": "1" }, "emulatorpin": "0-1", "global_quota": 190000 },
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/vcpus.initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=4" } }
END2
guest_initrd /tmp/dog.initrd <<'END2'
	dmesg | grep 6300ESB
	watchdog -F -T 4 -t 1 /dev/watchdog &
	sleep 6 # longer than it waits
	echo "it was fed"
	kill -STOP $!
	sleep 60
END2
cat >/etc/rastos/guests/dog.json <<'END2'
{ "name": "dog", "role": "guest", "memory_mib": 128, "vcpus": 2, "current_vcpus": 1, "ready": "started", "autostart": false,
  "kernel": { "path": "/payload/kernel/vmlinux", "initrd": "/tmp/dog.initrd", "cmdline": "console=ttyS0 quiet panic=-1" },
  "watchdog": { "model": "i6300esb", "action": "reset" } }
END2
rastos-vmm up -d --timeout 60
rastos-vmm start web
log=/run/rastos/guests/web/console.log
wait_for 120 printed $log "the guest is up"
online() {
	[ "$(tr -d '\r' <$log | grep '^online: ' | tail -n 1)" = "online: $1." ]
}
wait_for 20 online 0
[ "$(cat /sys/fs/cgroup/rastos/web.guest/cpu.max)" = "190000 100000" ] || fail "its time is not limited: $(cat /sys/fs/cgroup/rastos/web.guest/cpu.max)"
for thread in /proc/[0-9]*/task/*; do
	[ "$(cat $thread/comm 2>/dev/null)" != "vcpu 0" ] || grep "^Cpus_allowed_list:.1$" $thread/status || fail "vCPU 0 runs elsewhere"
done

for round in 1 2 3 4 ${long:+5 6 7 8 9 10}; do
	rastos-vmm setvcpus web 2 >told 2>&1 || fail "round $round: no vCPU came: $(cat told)"
	wait_for 30 online 0-1
	rastos-vmm setvcpus web 1 || fail "round $round: no vCPU went"
	wait_for 30 online 0
done
expect $log "all of them work"
rastos-vmm list
status=0
rastos-vmm setvcpus web 3 >told 2>&1 || status=$?
cat told
[ $status = 4 ] && grep -q "vcpus: 3 do not fit" told || fail "the plan has 2 CPUs: exit status $status"
rastos-vmm setvcpus --json web 2
wait_for 30 online 0-1
rastos-vmm kill --wait web

rastos-vmm start dog
log=/run/rastos/guests/dog/console.log
wait_for 30 printed $log "6300ESB"
rastos-vmm setvcpus dog 2 >told 2>&1 || fail "Linux says yes, whether it has hot plug or not: $(cat told)"
cat told
grep -q "guest dog: its kernel has not started all of them" told || fail "nobody says that it has no hot plug"
wait_for 30 printed $log "it was fed"
expired() {
	rastos-vmm events | grep "dog.*watchdog" | grep -q reset
}
started_again() {
	[ "$(rastos-vmm events | grep -c "dog.*starting")" -ge 2 ]
}
! expired || fail "it was fed, and expired"
wait_for 30 expired
wait_for 30 started_again
wait_for 30 printed $log "6300ESB"
rastos-vmm crashes dog
rastos-vmm crashes dog | grep -q "its watchdog expired" || fail "there is no report"
rastos-vmm events | grep dog
rastos-vmm kill dog
rastos-vmm down --timeout 30
