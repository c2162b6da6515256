# Server and desktop mode with real guests: the division, a change while they run, and back; the server guest gives back what a desktop
# guest is to have, and gets it again.
# timeout: 240
# long: 1500
# long memory: 6600
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
vmm=/payload/tools/rastos-vmm-both # has both modes, whichever the host's has
guest_initrd /tmp/initrd <<'EOF'
echo "cpus $(nproc) memory $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
EOF
# guest NAME MEMBERS...: a definition
guest() {
	cat >"/etc/rastos/guests/$1.json" <<-EOF
		{ "name": "$1", $2,
		  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
	EOF
}
state_of() {
	$vmm list | awk -v name="$1" '$1 == name { print $3 }'
}
is() {
	[ "$(state_of "$1")" = "$2" ]
}
guest server '"role": "server", "memballoon": true'
guest desk '"role": "desktop", "vcpus": 1, "memory_mib": 128'
guest extra '"role": "guest", "memory_mib": 96'
echo '{ "overcommit": { "cpus": 4 }, "desktop": { "server_percent": 80 } }' >/etc/rastos/vmm.json
echo desktop >/etc/rastos/mode

$vmm plan
$vmm up -d --timeout 100
for name in server desk extra; do
	is $name running || fail "$name is $(state_of $name)"
done
$vmm list
grep -q "cpus 1 " /run/rastos/guests/desk/console.log || fail "desk has not what its definition says"
first=$($vmm list | awk '$1 == "server" { print $6 }')

$vmm mode server
wait_for 40 is desk off
is extra running || fail "extra is $(state_of extra)"
[ "$($vmm list | awk '$1 == "server" { print $6 }')" = "$first" ] || fail "the server guest was started anew"
[ "$(cat /etc/rastos/mode)" = server ] || fail "the mode file was not written"
$vmm plan | grep -q memory_mib || fail "the plan does not tell that the server guest may have more now"
status=0
$vmm start desk || status=$?
[ $status = 4 ] || fail "a guest of the other mode is exit status 4, not $status"
$vmm reboot server
wait_for 60 sh -c "$vmm list | grep -q '^server .*running' && ! $vmm list | grep -q '^server .* $first '"
$vmm list

echo "the server guest has it all, and gives back what the desktop guest needs"
number_of() { # KEY: the server guest's
	$vmm list --json | tr -d ' \n' | grep -o '"name":"server".*' | sed -n "s/[^}]*\"$1\":\([0-9]*\).*/\1/p"
}
has() { [ "$(number_of current_memory_mib)" "$1" "$2" ]; }
all=$(number_of memory_mib)
pid=$($vmm list | awk '$1 == "server" { print $6 }')
has = "$all" || fail "the server guest has not all that it was started with"
cgroup=/sys/fs/cgroup/rastos/server.guest
before=$(cat $cgroup/memory.max)
$vmm mode desktop
wait_for 60 is desk running
has -le $((all - 128)) || fail "the desktop guest's memory is the server guest's, too"
after=$(cat $cgroup/memory.max)
[ "$after" -lt "$before" ] || fail "its control group may still take $after bytes"
$vmm events --json | grep memory-
$vmm mode server
wait_for 60 is desk off
wait_for 20 has = "$all"
[ "$(cat $cgroup/memory.max)" = "$before" ] || fail "its control group may take $(cat $cgroup/memory.max) bytes, not $before"
[ "$($vmm list | awk '$1 == "server" { print $6 }')" = "$pid" ] || fail "the server guest was started anew"
$vmm down
[ -z "$(ls /run/rastos/guests/*/state.json 2>/dev/null)" ] || fail "something is promised still"

# Guests of all sizes, in both modes.
booted_with() { # NAME: as many vCPUs as it should have
	grep -q "cpus $vcpus " "/run/rastos/guests/$1/console.log"
}
rm /etc/rastos/guests/extra.json # 4 and 4 vCPUs are what 2 CPUs may have
for vcpus in ${long:+1 2 4}; do
	for memory in 1024 2048 4096; do
		echo "$vcpus vCPUs, $memory MiB"
		guest server "\"role\": \"server\", \"vcpus\": $vcpus, \"memory_mib\": $memory"
		guest desk "\"role\": \"desktop\", \"vcpus\": $vcpus, \"memory_mib\": 1024"
		for mode in server desktop; do
			echo $mode >/etc/rastos/mode
			$vmm up -d --timeout 100
			wait_for 60 booted_with server
			[ $mode = server ] || wait_for 60 booted_with desk
			$vmm list
			$vmm down
		done
	done
done
