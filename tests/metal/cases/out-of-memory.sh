# A guest's process that has all the memory that its control group allows is killed by the kernel: its guest is told to have crashed,
# with the reason, and what follows a crash follows; others go on. What memory cannot be had for does not start.
# timeout: 180
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'EOF'
echo "up and well"
EOF
for name in web db; do
	cat >/etc/rastos/guests/$name.json <<-EOF
		{ "name": "$name", "role": "guest", "vcpus": 1, "memory_mib": 96, "on_crash": "$([ $name = web ] && echo restart || echo destroy)",
		  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
	EOF
done
rastos-vmm up -d --timeout 90
# all_of NAME: the guest as list shows it
all_of() {
	rastos-vmm list --json | tr -d '\n' | sed 's/.*{"name":"'"$1"'"//; s/{"name".*//'
}
is() {
	all_of "$1" | grep -q "\"state\":\"$2\""
}
is web running || fail "web is not up"
before=$(all_of db | sed 's/.*"pid":\([0-9]*\).*/\1/')

# Less than it has in use, and memory of a memfd without swap cannot be given back: the kernel's only way out is to kill.
cat /sys/fs/cgroup/rastos/web.guest/memory.current
echo 16M >/sys/fs/cgroup/rastos/web.guest/memory.max
wait_for 30 sh -c "rastos-vmm crashes web | grep -q 'killed by the kernel: out of memory'"
rastos-vmm events >events
expect events "web.*killed by the kernel: out of memory: its process had all that its control group allows"
rastos-vmm crashes --show web >report
expect report "killed by the kernel: out of memory"

# It starts again, as after any crash, with the limit that it should have; the other one has noticed nothing.
wait_for 60 is web running
[ "$(cat /sys/fs/cgroup/rastos/web.guest/memory.max)" = $(((96 + 3 + 96) * 1024 * 1024)) ] || fail "web's limit is not what it was"
[ "$(all_of db | sed 's/.*"pid":\([0-9]*\).*/\1/')" = "$before" ] || fail "db was hit, too"
is db running || fail "db does not run"

# The same to one that does not start again: it has failed, and info says why.
echo 16M >/sys/fs/cgroup/rastos/db.guest/memory.max
wait_for 30 is db failed
rastos-vmm info db >info
expect info "killed by the kernel: out of memory"

# No huge page is free: refused with the number, and nothing is left.
cat >/tmp/huge.json <<-EOF
	{ "name": "huge", "role": "guest", "vcpus": 1, "memory_mib": 64, "memory_backing": { "hugepages": true }, "autostart": false,
	  "kernel": { "path": "$tuned" } }
EOF
rastos-vmm define /tmp/huge.json
status=0
rastos-vmm start huge 2>error || status=$?
cat error
[ $status -ne 0 ] && [ "$(wc -l <error)" = 1 ] || fail "it started, or said more than a sentence"
expect error "huge"
expect error "64 MiB"
[ ! -e /sys/fs/cgroup/rastos/huge.guest ] || fail "a control group is left"
is web running || fail "web does not run"
rastos-vmm down --timeout 20
