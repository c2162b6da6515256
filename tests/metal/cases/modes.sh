# Server and desktop mode with real guests: the division, a change while they run, and back.
# timeout: 150
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
guest server '"role": "server"'
guest desk '"role": "desktop", "vcpus": 1, "memory_mib": 128'
guest extra '"role": "guest", "memory_mib": 96'
echo '{ "overcommit": { "cpus": 4 }, "desktop": { "server_percent": 50 } }' >/etc/rastos/vmm.json
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
$vmm down
[ -z "$(ls /run/rastos/guests/*/state.json 2>/dev/null)" ] || fail "something is promised still"
