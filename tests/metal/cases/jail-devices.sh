# Every device at work inside the jail: disk, TAP, passt, vsock both ways, virtio console with a log that begins anew, a client at it; and the next manager.
# timeout: 240
tool=/payload/tools/metal-vsock
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
tunctl -t tap0 >/dev/null
ip address add 192.168.77.1/24 dev tap0
ip link set tap0 up
truncate -s 8M /tmp/disk.img
guest_initrd /tmp/initrd $tool <<'END'
i=0
while [ $i -lt 300 ]; do
	head -c 4096 /dev/zero | tr '\0' x
	echo
	i=$((i + 1))
done
dd if=/dev/zero of=/dev/vda bs=64k count=16 conv=fsync 2>/dev/null && echo "disk written"
ip address add 192.168.77.2/24 dev eth0
ip link set eth0 up
ping -c 2 -W 5 192.168.77.1 >/dev/null && echo "guest pings host"
until ip route | grep -q default; do sleep 0.1; done
echo "host says: $(/metal-vsock connect 5000 'guest to host')"
echo "nobody says: $(/metal-vsock connect 5001 'guest to nobody' 2>&1)"
echo listening
/metal-vsock listen 6000
echo "second manager says: $(/metal-vsock connect 5002 'still there')"
echo served
poweroff
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "vcpus": 2, "ready": "started", "memory_mib": 160, "console": "virtio", "vsock": { "cid": 7, "path": "/tmp/vs" },
  "disks": [{ "path": "/tmp/disk.img" }],
  "networks": [{ "type": "tap", "device": "tap0" }, { "type": "passt" }],
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=hvc0 quiet panic=-1" } }
END
$tool listen /tmp/vs_5000 &
rastos-vmm up -d --timeout 60
log=/run/rastos/guests/web/console.log
wait_for 90 printed $log listening
expect $log "disk written"
expect $log "guest pings host"
expect $log "host says: echo: guest to host"
[ "$(stat -c %s $log)" = 524288 ] || fail "the log has not its size: $(ls -l $log)"
ping -c 2 -W 5 192.168.77.2 >/dev/null || fail "the host cannot ping the guest"
attach web seen listening
log=/run/rastos/guests/web/console.log
# The next manager brings the guest a broker of its own.
kill -9 "$(ps -o pid,args | sed -n 's/^ *\([0-9]*\) rastos-vmm up -d.*/\1/p' | head -n 1)"
wait_for 10 sh -c "! rastos-vmm list"
rastos-vmm up -d --timeout 60
$tool listen /tmp/vs_5002 &
wait_for 10 test -S /tmp/vs_5002
wait_for 10 sh -c "$tool connect /tmp/vs:6000 'host to guest' >answer" # once it listens
[ "$(cat answer)" = "echo: host to guest" ] || fail "the guest did not echo: $(cat answer)"
wait_for 30 sh -c "rastos-vmm list --json | grep -q '\"state\":\"off\"'"
expect $log "second manager says: echo: still there"
expect $log served
