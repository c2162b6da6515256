# Every device on the PCI bus, found by Debian's own kernel: with a message for each of its queues, and with interrupt lines where
# messages are turned off; drivers are unbound and bound again.
# timeout: 300
tunctl -t tap0 >/dev/null
ip address add 192.168.78.1/24 dev tap0
ip link set tap0 up
truncate -s 16M disk.img
guest_initrd initrd <<'END'
	use() {
		dd if=/dev/urandom of=/tmp/pattern bs=64k count=64 2>/dev/null
		dd if=/tmp/pattern of=/dev/vda bs=64k oflag=direct 2>/dev/null
		dd if=/dev/vda bs=64k count=64 iflag=direct 2>/dev/null | cmp - /tmp/pattern && echo "$1 the disk keeps what is written"
		ip address replace 192.168.78.2/24 dev eth0
		ip link set eth0 up
		ping -c 3 -W 5 192.168.78.1 >/dev/null && echo "$1 the card reaches the host"
		dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c | grep -q 16 && echo "$1 there is entropy"
	}
	for function in /sys/bus/pci/devices/*; do
		echo "function ${function##*/} $(cat $function/vendor) $(cat $function/device) $(cat $function/class) $(basename "$(readlink $function/driver)")"
	done
	use first
	grep virtio /proc/interrupts | sed 's/^/interrupt /'
	bound=$(basename "$(readlink -f /sys/class/net/eth0/device/..)")
	for function in $bound 0000:00:01.0; do
		echo $function >/sys/bus/pci/drivers/virtio-pci/unbind
		echo $function >/sys/bus/pci/drivers/virtio-pci/bind
	done
	until [ -b /dev/vda ] && [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
	use again
	dd if=/dev/mem bs=1 count=1 2>/dev/null
	poweroff
END
for messages in "" pci=nomsi; do
	cat >guest.json <<-END
		{ "name": "pci", "memory_mib": 256, "vcpus": 2, "transport": "pci", "console": "serial",
		  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd",
			      "cmdline": "console=ttyS0 panic=-1 loglevel=4 $messages" },
		  "disks": [{ "path": "/tmp/disk.img", "id": "data" }],
		  "networks": [{ "type": "tap", "device": "tap0" }] }
	END
	rastos-vmm run guest.json </dev/null >log 2>&1 || fail "it did not power off: $(tail -n 20 log)"
	expect log "^function 0000:00:00.0 0x1b36 0x0008 0x060000"
	expect log "^function 0000:00:01.0 0x1af4 0x1042 0x010000 virtio-pci"
	expect log "^function 0000:00:02.0 0x1af4 0x1041 0x020000 virtio-pci"
	expect log "^function 0000:00:03.0 0x1af4 0x1053 0x078000 virtio-pci"
	expect log "^function 0000:00:04.0 0x1af4 0x1044 0xff0000 virtio-pci"
	for time in first again; do
		expect log "^$time the disk keeps what is written"
		expect log "^$time the card reaches the host"
		expect log "^$time there is entropy"
	done
	if [ -z "$messages" ]; then
		expect log "^interrupt .* PCI-MSI .*virtio0-req"
		expect log "^interrupt .* PCI-MSI .*virtio1-input"
		expect log "^interrupt .* PCI-MSI .*virtio1-output"
	else
		expect log "^interrupt .* IO-APIC .*-fasteoi .*virtio0"
		! printed log "^interrupt .* PCI-MSI" || fail "there are messages"
	fi
	! printed log "nobody cared|PCI: Fatal|BAR .*: failed to assign" || fail "the kernel complains"
done
