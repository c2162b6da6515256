# What a guest and its host say to each other, with Debian's stock kernel in a jailed guest: a thousand vsock connections at once each
# way with every byte checked and each side's half-close, a reader that sleeps, a named port for an agent, the console's size, the
# entropy device's rate, a balloon that is blown up, let down, and asked for its statistics, and memory that is plugged in and out.
# timeout: 300
tool=/payload/tools/metal-many
agent=org.qemu.guest_agent.0
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd initrd $tool <<'END'
until [ -e /dev/vsock ] && grep -q . /sys/class/virtio-ports/*/name; do sleep 0.1; done
echo "name $(cat /sys/class/virtio-ports/*/name)"
port=/dev/$(basename "$(dirname "$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name)")")
# While nobody of the host is there, a port is at its end.
(
	exec 3<>$port && echo "agent is there"
	while :; do
		read -r line <&3 && echo "agent: $line" >&3 || sleep 0.2
	done
) &
before=$(awk '{ print int($1 * 100) }' /proc/uptime)
dd if=/dev/hwrng of=/dev/null bs=1024 count=10 2>/dev/null
after=$(awk '{ print int($1 * 100) }' /proc/uptime)
echo "10 KiB of entropy took $((after - before)) hundredths"
echo "$(/metal-many connect 5000 1000 4096)"
/metal-many echo 6000 1000
echo "$(/metal-many push 5001 400000)"
/metal-many late 6001 2 400000
echo "all done"
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "memory_mib": 384, "ready": "started", "transport": "pci", "autostart": false,
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1 memhp_default_state=online_movable" },
  "max_memory_mib": 1024, "memory_devices": [{ "model": "virtio-mem", "size_mib": 512 }],
  "vsock": { "path": "/tmp/vs" }, "rng": { "rate": { "bytes": 4096, "period": 1000 } },
  "channels": [{ "name": "$agent" }],
  "memballoon": { "autodeflate": true, "free_page_reporting": true, "stats_period": 1 } }
END
guest_initrd watch <<'END'
echo "watching"
while sleep 0.2; do
	now=$(stty size </dev/hvc0 2>/dev/null) # which it refuses to say while it is 0 by 0
	[ "$now" = "$size" ] || echo "size $now"
	size=$now
done
END
cat >/etc/rastos/guests/size.json <<END
{ "name": "size", "role": "guest", "memory_mib": 128, "ready": "started", "console": "virtio", "vsock": { "cid": 4 },
  "kernel": { "path": "$tuned", "initrd": "/tmp/watch", "cmdline": "console=hvc0 quiet panic=-1" },
  "channels": [{ "name": "other" }] }
END
control=/run/rastos/control.sock
rastos-vmm up -d --timeout 60

echo "the console's size"
log=/run/rastos/guests/size/console.log # what is shown when it stalls
wait_for 60 printed $log "^watching"
/payload/tools/metal-ask $control '{"id":1,"op":"console-resize","guest":"size","columns":132,"rows":43}' || fail "it was refused"
wait_for 20 printed $log "^size 43 132"
rastos-vmm kill --wait size

console=/run/rastos/guests/web/console.log
log=$console
$tool echo /tmp/vs_5000 1000 >host.echo &
host_echo=$!
$tool late /tmp/vs_5001 2 400000 >host.late &
host_late=$!
rastos-vmm start web

wait_for 60 printed $console "^agent is there"
expect $console "^name $agent"

echo "an agent's port, and who is there"
rastos-vmm device list --json web | grep -q '"open": *true' || fail "the guest's program does not show"
(echo hello; sleep 3) | timeout 6 rastos-vmm console --devname $agent web >agent.log 2>&1 || true
expect agent.log "^agent: hello"
rastos-vmm console --devname nobody web </dev/null >refusal 2>&1 && fail "it was connected"
expect refusal "guest web: has no channel nobody"

echo "entropy comes at its rate"
wait_for 30 printed $console "^10 KiB of entropy took"
took=$(tr -d '\r' <$console | sed -n 's/^10 KiB of entropy took \([0-9]*\) .*/\1/p')
[ "$took" -ge 80 ] || fail "10 KiB took $took hundredths, at 4 KiB a second"

echo "a thousand connections of the guest's"
wait_for 120 printed $console "^1000 came back whole"
wait $host_echo || fail "the host's side says $(cat host.echo)"
expect host.echo "^echoed 1000"

echo "a thousand connections of the host's"
wait_for 30 printed $console "^listening at 6000"
$tool connect /tmp/vs:6000 1000 4096 >host.connect || fail "the host's side says $(cat host.connect)"
expect host.connect "^1000 came back whole"
wait_for 30 printed $console "^echoed 1000"

echo "readers that sleep"
wait_for 30 printed $console "^pushed"
wait $host_late || fail "the host's side says $(cat host.late)"
expect host.late "^late but whole"
$tool push /tmp/vs:6001 400000 >host.push || fail "the host's side says $(cat host.push)"
wait_for 30 printed $console "^late but whole"
wait_for 20 printed $console "^all done"

echo "the balloon"
balloon() { # NAME: its number
	rastos-vmm stats --json web | tr -d ' \n' | sed -n "s/.*\"balloon\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"
}
resident() {
	rastos-vmm stats --json web | tr -d ' \n' | sed -n 's/.*"resident_bytes":\([0-9]*\).*/\1/p'
}
at_most() { [ "$(balloon current_bytes)" -le $(($1 << 20)) ]; }
at_least() { [ "$(balloon current_bytes)" -ge $(($1 << 20)) ]; }
wait_for 20 test -n "$(balloon free_bytes)"
# As memory may come above 4 GiB, its kernel keeps 64 MiB for devices that cannot reach there.
[ "$(balloon total_bytes)" -gt $((250 << 20)) ] || fail "the guest says it has $(balloon total_bytes) bytes"
[ "$(balloon returned_bytes)" -gt 0 ] || fail "no free page was reported"
before=$(resident)
rastos-vmm setmem web 192
wait_for 60 at_most 192
echo "resident: $before before, $(resident) after"
rastos-vmm setmem web 384
wait_for 60 at_least 384
rastos-vmm setmem web 897 >refusal 2>&1 && fail "more than there is was taken"
expect refusal "guest web: has 896 MiB of memory"

echo "memory that is plugged in"
plugged() { # MIB
	[ "$(rastos-vmm stats --json web | tr -d ' \n' | sed -n 's/.*"plugged_bytes":\([0-9]*\).*/\1/p')" = $(($1 << 20)) ]
}
has_more_than() { [ "$(balloon total_bytes)" -gt $(($1 << 20)) ]; }
has_less_than() { [ "$(balloon total_bytes)" -lt $(($1 << 20)) ]; }
rastos-vmm setmem web 640
wait_for 60 plugged 256
wait_for 20 has_more_than 500
rastos-vmm list --json | tr -d ' \n' | grep -q '"name":"web".*"current_memory_mib":640' || fail "it does not count as its own"
rastos-vmm setmem web 384
wait_for 60 plugged 0
wait_for 20 has_less_than 300
rastos-vmm kill --wait web
rastos-vmm down
