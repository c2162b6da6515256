# The division of the host: the server guest gets what others leave, an exclusive guest its CPU, and nobody more than there is.
# timeout: 180
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
echo "cpus $(nproc) memory $(grep -o 'MemTotal.*' /proc/meminfo)"
END
cat >/etc/rastos/guests/server.json <<END
{ "name": "server", "role": "server",
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "role": "guest", "autostart": false, "vcpus": 1, "memory_mib": 128,
  "cpus": { "placement": "exclusive", "pin": "1" },
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm plan >log
cat log
expect log "^server  *server  *2  "
expect log "Off, and not to start by themselves: web"
whole=$(rastos-vmm plan --json | grep -o '"role":"server","vcpus":2,"memory_mib":[0-9]*' | grep -o '[0-9]*$')
there=$(($(grep MemTotal /proc/meminfo | grep -o '[0-9]*') / 1024))
[ "$whole" -gt $((there - 300)) ] && [ "$whole" -le $((there - 256)) ] || fail "$whole of $there MiB for the server guest"

# It boots with all of that.
rastos-vmm up -d --timeout 90
attach server log "cpus 2 memory"
rastos-vmm plan >log
expect log "Nothing differs from what runs"

# What another guest holds is not to be had, and the sentence says how it would be.
status=0
rastos-vmm start web 2>log || status=$?
cat log
[ $status = 4 ] || fail "a guest that does not fit is exit status 4, not $status"
expect log "guest web: "
rastos-vmm down

# With numbers both fit, and web's CPU is its own.
sed -i 's/"role": "server",/"role": "server", "vcpus": 1, "memory_mib": 256,/' /etc/rastos/guests/server.json
rastos-vmm up -d --timeout 90
rastos-vmm start web
rastos-vmm boot-report --wait web
cpus_of() {
	pid=$(rastos-vmm list | sed -n "s/^$1  *[a-z]*  *running  *[0-9]* *[0-9]*MiB  *\([0-9]*\).*/\1/p")
	for task in /proc/$pid/task/*; do
		[ "$(cat $task/comm)" != "vcpu 0" ] || grep Cpus_allowed_list $task/status | grep -o '[0-9,-]*$'
	done
}
[ "$(cpus_of web)" = 1 ] || fail "web's vCPU runs on $(cpus_of web)"
[ "$(cpus_of server)" = 0 ] || fail "server's vCPU runs on $(cpus_of server) beside web"
rastos-vmm kill --wait web
wait_for 10 sh -c '! rastos-vmm plan | grep -q "server: cpus"'
[ "$(cpus_of server)" = 0-1 ] || fail "server's vCPU runs on $(cpus_of server) alone"
rastos-vmm down

# More than there is.
echo '{ "name": "big", "role": "guest", "vcpus": 9, "memory_mib": 64, "kernel": { "path": "k" } }' >/etc/rastos/guests/big.json
status=0
rastos-vmm plan 2>log || status=$?
cat log
[ $status = 4 ] || fail "a plan that does not fit is exit status 4, not $status"
expect log "guest big: vcpus: 9 do not fit: of 2 CPUs"
