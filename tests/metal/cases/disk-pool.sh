# An image of the pool, made from a disk with stock Debian, is a guest of the manager, and left alone while that runs.
# timeout: 200
rastos-vmm disk import debian /dev/vdb
rastos-vmm disk list
rm -f /etc/rastos/guests/*
mkdir -p /etc/rastos/guests
cat >/etc/rastos/guests/debian.json <<'END'
{ "name": "debian", "memory_mib": 512, "ready": "started",
  "kernel": { "from_disk": 0, "cmdline": "quiet" }, "disks": [{ "image": "debian" }] }
END
rastos-vmm up -d --timeout 60
rastos-vmm disk info debian | grep -q "In use: *yes" || fail "the image is not in use"
for words in "delete debian" "clone debian copy"; do
	status=0
	rastos-vmm disk $words >log 2>&1 || status=$?
	[ $status = 4 ] || fail "disk $words: exit status $status"
	expect log "disk debian: is in use by a guest or program; end that one first"
done
rastos-vmm disk resize debian 2G
rastos-vmm disk info debian | grep -q "(2147483648 bytes)" || fail "the image in use did not grow"
wait_for 120 printed /run/rastos/guests/debian/console.log "^Debian GNU/Linux 12 stock ttyS0"
rastos-vmm down --timeout 60
rastos-vmm disk delete debian
[ "$(rastos-vmm disk list --json)" = '{"disks":[]}' ] || fail "the image is still there"
