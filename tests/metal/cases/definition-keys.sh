# What a definition chooses is what the guest finds: caches, sizes of blocks, discard and limits of its disks, MTU and link of its cards,
# features of its CPU, its clock, its UUID; a write that was synced past the page cache survives kill -9.
# timeout: 240
run_definition() {
	rastos-vmm run "$1" </dev/null >log 2>&1 || {
		tail -n 20 log
		fail "the guest did not end well"
	}
}

guest_initrd look <<'END'
for disk in vda vdb vdc; do
	cd /sys/block/$disk/queue
	echo "$disk $(cat logical_block_size physical_block_size write_cache discard_max_bytes write_zeroes_max_bytes | tr '\n' ' ')"
done
cd /
before=$(awk '{ print int($1 * 100) }' /proc/uptime)
dd if=/dev/vdc of=/dev/null bs=64k count=32 iflag=direct 2>/dev/null
after=$(awk '{ print int($1 * 100) }' /proc/uptime)
[ $((after - before)) -ge 90 ] && echo "limited" || echo "2 MiB in $((after - before)) hundredths"
blkdiscard -o 1M -l 4M /dev/vda && echo "discarded"
for card in eth0 eth1; do
	ip link set $card up
	echo "$card mtu $(cat /sys/class/net/$card/mtu) carrier $(cat /sys/class/net/$card/carrier)"
done
grep -q -w aes /proc/cpuinfo && echo "has aes" || echo "lacks aes"
echo "clock $(date -u -D "%a %b %d %H:%M:%S %Y" -d "$(hwclock -u -r | cut -c 1-24)" +%s)"
poweroff
END

# A file system that has O_DIRECT and can give back what is discarded: the stock disk's, gone with the machine.
mkdir /tmp/stock
mount -t ext4 /dev/vdb2 /tmp/stock && cd /tmp/stock || fail "there is no file system to try it on"
head -c 8388608 /dev/urandom >discarded
truncate -s 8M blocks limited
cp /tmp/look .
cat >guest.json <<END
{
  "name": "keys", "memory_mib": 192, "kernel": { "path": "$tuned", "initrd": "look", "cmdline": "console=ttyS0 quiet panic=-1" },
  "disks": [
    { "path": "discarded", "cache": "none", "discard": "unmap" },
    { "path": "blocks", "cache": "writethrough", "block_size": { "logical": 4096, "physical": 8192 } },
    { "path": "limited", "iotune": { "read": { "bytes_sec": 1048576, "bytes_sec_max": 2097152 } } }
  ],
  "networks": [
    { "type": "tap", "device": "tap0", "mtu": 1400 },
    { "type": "tap", "device": "tap1", "link": "down" }
  ],
  "clock": { "offset": "localtime", "adjustment": 7200 },
  "cpu": { "features": { "aes": "disable", "sse2": "require" } }
}
END
tunctl -t tap0 >/dev/null
tunctl -t tap1 >/dev/null
ip link set tap0 up
ip link set tap1 up
grep -q -w aes /proc/cpuinfo || fail "this host has no aes to take away"
before=$(stat -c %b discarded)
export TZ=XYZ-5
run_definition guest.json
unset TZ
expect log "^vda 512 512 write back 1073741824 33554432"
expect log "^vdb 4096 8192 write through 0 33554432"
expect log "^limited"
expect log "^discarded"
expect log "^eth0 mtu 1400 carrier 1"
expect log "^eth1 mtu 1500 carrier 0"
expect log "^lacks aes"
ahead=$(($(sed -n 's/\r//; s/^clock //p' log) - $(date +%s)))
[ $ahead -gt $((7 * 3600 - 60)) ] && [ $ahead -le $((7 * 3600)) ] || fail "the guest's clock is $ahead seconds ahead"
after=$(stat -c %b discarded)
[ $((before - after)) -ge 8192 ] || fail "what was discarded was not given back: $before blocks before, $after after"

echo "a guest that asks for what this host has not is refused"
sed 's/"aes": "disable"/"aes": "forbid"/' guest.json >forbid.json
rastos-vmm run forbid.json </dev/null >refusal 2>&1 && fail "it was started"
expect refusal "guest keys: cpu.features.aes: is forbidden, and this host's CPU has it"

echo "a synced write past the page cache survives kill -9"
cd /tmp
guest_initrd synced <<'END'
echo "kept safe" | dd of=/dev/vda bs=512 conv=notrunc,fsync 2>/dev/null
echo synced
END
cp synced /tmp/stock && cd /tmp/stock
sed -e 's/"initrd": "look"/"initrd": "synced"/' -e 's/"cpu".*/"rng": true/' guest.json >synced.json
rastos-vmm run synced.json </dev/null >log 2>&1 &
guest=$!
wait_for 30 printed log synced
kill -9 $guest
wait $guest || true
[ "$(head -c 9 discarded)" = "kept safe" ] || fail "a synced write is lost"

echo "a file system without O_DIRECT is refused"
truncate -s 1M /tmp/memory
sed "s|\"path\": \"discarded\"|\"path\": \"/tmp/memory\"|" guest.json >direct.json
rastos-vmm run direct.json </dev/null >refusal 2>&1 && fail "it was started"
expect refusal "disk /tmp/memory: its file system cannot do without the page cache"

echo "a stock kernel finds the UUID"
cd /tmp
guest_initrd uuid <<'END'
modprobe dmi-sysfs 2>/dev/null
echo "uuid $(cat /sys/class/dmi/id/product_uuid)"
echo "machine $(cat /sys/class/dmi/id/sys_vendor), $(cat /sys/class/dmi/id/product_name)"
poweroff
END
cat >stock.json <<END
{ "name": "stock", "uuid": "6D0C4A4E-9f0e-4c56-8f3a-0a2b7c1d5e6f", "memory_mib": 256,
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "uuid", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
run_definition stock.json
expect log "^uuid 6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f"
expect log "^machine rastOS, rastOS guest"

echo "a jailed guest has the host's local time, and a card with limits"
# A time zone five hours east (tzfile(5)).
header='TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4\0\0FP\0\0XYZ\0'
printf "$header$header\\nXYZ-5\\n" >/etc/localtime
chmod 644 /etc/localtime
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd jailed <<'END'
echo "clock $(hwclock -u -r | cut -c 1-24)"
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "memory_mib": 128, "ready": "started", "clock": { "offset": "localtime" },
  "networks": [
    { "type": "tap", "device": "tap0", "bandwidth": { "inbound": { "average": 100 }, "outbound": { "average": 100, "peak": 200 } } }
  ],
  "kernel": { "path": "$tuned", "initrd": "/tmp/jailed", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm up -d --timeout 60
console=/run/rastos/guests/web/console.log
wait_for 30 printed $console "^clock"
shown=$(tr -d '\r' <$console | sed -n 's/^clock //p')
ahead=$(($(date -u -D "%a %b %d %H:%M:%S %Y" -d "$shown" +%s) - $(date +%s)))
[ $ahead -gt $((5 * 3600 - 60)) ] && [ $ahead -le $((5 * 3600)) ] || fail "the guest's clock is $ahead seconds ahead: $shown"
rastos-vmm kill --wait web
rastos-vmm down
