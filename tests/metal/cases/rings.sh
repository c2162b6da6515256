# What Debian's own kernel makes of the rings it may have: packed and split, with and without event index and indirect descriptors,
# each disk and card another way, by both transports; and cards whose queues are reset under load (which Linux does by PCI only).
# Its drivers do not know of serving in order. The second card is kept from vhost-net, whose queues cannot be reset.
# timeout: 300
tunctl -t tap0 >/dev/null
tunctl -t tap1 >/dev/null
for card in 0 1; do
	ip address add 192.168.7$card.1/24 dev tap$card
	ip link set tap$card up
done
for disk in a b c d; do
	truncate -s 8M $disk.img
done
guest_initrd initrd /payload/tools/metal-rings <<'END'
	for device in /sys/bus/virtio/devices/*; do
		kind=$(cat $device/device)
		bits=$(cat $device/features)
		agreed=
		# linux/virtio_ring.h, linux/virtio_config.h
		for bit in 28:indirect 29:event_idx 34:packed 35:in_order 40:reset; do
			set -- ${bit%:*} ${bit#*:}
			[ "$(echo $bits | cut -c $(($1 + 1)))" = 0 ] || agreed="$agreed $2"
		done
		echo "$kind$(basename $device/block/* 2>/dev/null | tr -d '*')$(basename $device/net/* 2>/dev/null | tr -d '*'):$agreed"
	done
	dd if=/dev/urandom of=/tmp/pattern bs=64k count=32 2>/dev/null
	for disk in vda vdb vdc vdd; do
		dd if=/tmp/pattern of=/dev/$disk bs=64k oflag=direct 2>/dev/null
		dd if=/tmp/pattern of=/dev/$disk bs=512 seek=4096 count=300 2>/dev/null
		sync
		echo 3 >/proc/sys/vm/drop_caches
		dd if=/dev/$disk bs=64k count=32 2>/dev/null | cmp - /tmp/pattern &&
			dd if=/dev/$disk bs=512 skip=4096 count=300 2>/dev/null | cmp -n 153600 - /tmp/pattern &&
			echo "$disk keeps what is written"
	done
	for card in 0 1; do
		ip address add 192.168.7$card.2/24 dev eth$card
		ip link set eth$card up
		ping -c 3 -s 8000 -W 5 192.168.7$card.1 >/dev/null && echo "eth$card reaches the host"
	done
	[ -e /sys/bus/pci/devices/0000:00:01.0 ] && for card in 0 1; do
		ping -A -c 1000000 -s 3000 192.168.7$card.1 >/dev/null &
		flood=$!
		sizes=
		for size in 64 128 64 256; do
			sizes="$sizes $(/metal-rings eth$card $size $size 2>&1)"
		done
		echo "eth$card rings:$sizes"
		kill $flood
		ping -c 5 -s 8000 -W 5 192.168.7$card.1 >/dev/null && echo "eth$card still reaches the host"
	done
	dmesg | grep -iE "virtio.*(fail|error|broken|unexpected)|NETDEV WATCHDOG|id . is not a head" | sed 's/^/complaint /'
	poweroff
END
for transport in mmio pci; do
	cat >guest.json <<-END
		{ "name": "rings", "memory_mib": 256, "vcpus": 2, "transport": "$transport", "console": "serial",
		  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=4" },
		  "disks": [{ "path": "/tmp/a.img", "driver": { "packed": true } },
			    { "path": "/tmp/b.img", "driver": { "event_idx": false } },
			    { "path": "/tmp/c.img", "driver": { "indirect": false, "in_order": false } },
			    { "path": "/tmp/d.img", "driver": { "packed": true, "event_idx": false, "indirect": false } }],
		  "networks": [{ "type": "tap", "device": "tap0", "driver": { "packed": true } },
			       { "type": "tap", "device": "tap1", "vhost": false, "driver": { "event_idx": false } }] }
	END
	rastos-vmm run guest.json </dev/null >log 2>&1 || fail "it did not power off: $(tail -n 20 log)"
	expect log "^0x0002vda: indirect event_idx packed( reset)?$"
	expect log "^0x0002vdb: indirect( reset)?$"
	expect log "^0x0002vdc: event_idx( reset)?$"
	expect log "^0x0002vdd: packed( reset)?$"
	expect log "^0x0001eth0: indirect event_idx packed( reset)?$"
	expect log "^0x0001eth1: indirect( reset)?$"
	for disk in vda vdb vdc vdd; do
		expect log "^$disk keeps what is written"
	done
	for card in 0 1; do
		expect log "^eth$card reaches the host"
		[ $transport = pci ] || continue
		expect log "^eth$card rings: 64 64 128 128 64 64 256 256$"
		expect log "^eth$card still reaches the host"
	done
	! printed log "^complaint|stopped until its driver resets it" || fail "somebody complains: $(cat log)"
done
