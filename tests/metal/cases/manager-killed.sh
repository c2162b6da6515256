# kill -9 of the manager: its guest goes on, the next manager adopts it, shows its console and shuts it down.
# timeout: 120
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
echo "up and well"
n=0
while :; do
	n=$((n + 1))
	echo "count $n"
	sleep 0.5
done
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "vcpus": 1, "memory_mib": 128, "ready": "started",
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
# The guest's process, and whether the console's log has a higher count than this.
pid_of() {
	rastos-vmm list --json | sed 's/.*"pid"://; s/[^0-9].*//'
}
count() {
	tr -d '\r' </run/rastos/guests/web/console.log | sed -n 's/^count \([0-9]*\)$/\1/p' | tail -n 1
}
counts_past() {
	[ "$(count)" -gt "$1" ]
}
manager_pid() {
	ps | grep "[r]astos-vmm up" | grep -v guest: | awk '{ print $1 }'
}

rastos-vmm up -d --timeout 60
wait_for 20 counts_past 1
guest=$(pid_of)
kill -9 "$(manager_pid)"
before=$(count)
wait_for 20 counts_past $((before + 3))
rastos-vmm list && fail "a manager still listens"
[ -d "/proc/$guest" ] || fail "the guest's process is gone"

rastos-vmm up -d --timeout 60
[ "$(pid_of)" = "$guest" ] || fail "the guest is another process"
rastos-vmm events | grep -q adopted || fail "nobody adopted it"
rastos-vmm list --json | grep -q '"state":"running"' || fail "web does not run"
attach web log "^count [0-9]+$"
rastos-vmm stats web | grep -q web || fail "its process does not answer"
before=$(count)
wait_for 20 counts_past "$before"
# The power button; nobody stops it by force, which would take longer than this.
rastos-vmm shutdown --wait --timeout 60 web
rastos-vmm list --json | grep -q '"state":"off"' || fail "web is not off"
grep -q "in time" /run/rastos/manager.log && fail "it was stopped by force"
rastos-vmm down
