# A guest defined by domain XML is up, changed, hot plugged and down, all over HTTP on the manager's socket, as curl asks.
# timeout: 150
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'INIT'
ip link set eth0 up
rinitctl enable --now rastos-exec.socket
echo "serial $(cat /sys/block/vda/serial) bus $(basename "$(readlink -f /sys/block/vda/../../../subsystem)")"
echo "memory $(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo) cpus $(grep -c ^processor /proc/cpuinfo)"
INIT
truncate -s 1M /tmp/first.img
tunctl -t tap0 >/dev/null
ip link set tap0 up
rastos-vmm up -d --timeout 60

# api METHOD PATH [OPTION...]: asks; the answer's $status, its fields in head, its body in body.
api() {
	method=$1
	path=$2
	shift 2
	status=$(LD_LIBRARY_PATH=/payload/tools/curl/lib /payload/tools/curl/curl -s -S --max-time 90 --unix-socket /run/rastos/api.sock \
		-X "$method" -D head -o body -w '%{http_code}' "$@" "http://rastos$path") || fail "$method $path: curl ended with $?"
}
# answers STATUS METHOD PATH [OPTION...]: such is the answer's status.
answers() {
	wanted=$1
	shift
	rm -f body
	api "$@"
	[ "$status" = "$wanted" ] || fail "$1 $2: $status, not $wanted: $(cat head body 2>/dev/null)"
}
# says PATTERN: so does the last answer's body.
says() {
	grep -q -E "$1" body || fail "$method $path: there is no $1 in $(cat body)"
}
etag() {
	tr -d '\r' <head | sed -n 's/^ETag: //p'
}
json="Content-Type: application/json"
xml="Content-Type: application/xml"
patch="Content-Type: application/merge-patch+json"
# in_guest COMMAND: what a shell there says to it is in body.
in_guest() {
	answers 200 POST /v1/guests/web/exec -H "$json" -d "{\"command\":[\"sh\",\"-c\",\"$1\"]}"
}
# seen COMMAND: it succeeds in the guest, which may take a moment.
seen() {
	api POST /v1/guests/web/exec -H "$json" -d "{\"command\":[\"sh\",\"-c\",\"$1\"]}" && grep -q '"end":"exited","status":0' body
}
# bytes COMMAND: what it prints, whatever bytes that are, is in the file output.
bytes() {
	answers 200 POST /v1/guests/web/exec -H "$json" -d "{\"command\":[\"sh\",\"-c\",\"$1\"],\"encoding\":\"base64\"}"
	says '"encoding":"base64"'
	sed 's/.*"output":"\([^"]*\)".*/\1/' body | base64 -d >output
}
its_log() {
	answers 200 GET /v1/guests/web/logs && sed 's/\\r\\n/\n/g' body >log && printed log "$1"
}

echo "it is defined by XML"
answers 200 GET /v1/guests
says '"guests":\[\]'
cat >web.xml <<XML
<domain type="kvm">
  <name>web</name>
  <metadata><rastos:guest xmlns:rastos="urn:rastos:guest:1" transport="pci" ready="notify"/></metadata>
  <memory unit="MiB">256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
    <kernel>/payload/kernel/vmlinuz</kernel>
    <initrd>/tmp/initrd</initrd>
    <cmdline>console=ttyS0 loglevel=6 panic=-1</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="file" device="disk">
      <driver name="qemu" type="raw"/>
      <source file="/tmp/first.img"/>
      <target dev="vda" bus="virtio"/>
      <serial>first</serial>
    </disk>
    <interface type="ethernet">
      <mac address="52:54:00:15:39:47"/>
      <target dev="tap0" managed="no"/>
      <model type="virtio"/>
      <alias name="ua-card"/>
    </interface>
    <console type="pty"/>
    <vsock model="virtio"><cid auto="no" address="3"/></vsock>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
  </devices>
</domain>
XML
answers 409 PUT /v1/guests/other -H "$xml" --data-binary @web.xml
answers 201 PUT /v1/guests/web -H "$xml" --data-binary @web.xml
says '/domain/devices/emulator'
[ "$(tr -d '\r' <head | sed -n 's/^Location: //p')" = /v1/guests/web ] || fail "no Location: $(cat head)"
answers 200 GET /v1/guests/web
says '"transport":"pci"'
first=$(etag)
answers 200 GET /v1/guests/web -H "Accept: application/xml"
cp body dumped.xml
dumped=$(etag)
grep -q '<rastos:guest .*transport="pci"' dumped.xml || fail "its XML lacks the transport: $(cat dumped.xml)"
answers 200 PUT /v1/guests/web -H "$xml" -H "If-Match: $dumped" --data-binary @dumped.xml
[ "$(etag)" = "$first" ] || fail "its own XML is another definition: $(etag), not $first"
answers 200 GET /v1/guests/web -H "Accept: application/xml"
cmp body dumped.xml || fail "its XML is another one now"
answers 304 GET /v1/guests/web -H "If-None-Match: $first"

echo "it is changed"
answers 200 PATCH /v1/guests/web -H "$patch" -H "If-Match: $first" -d '{"memory_mib":320,"title":"changed"}'
second=$(etag)
[ "$second" != "$first" ] || fail "the version is the same"
answers 412 PATCH /v1/guests/web -H "$patch" -H "If-Match: $first" -d '{"memory_mib":999}'
says '"code":"stale"'
answers 412 DELETE /v1/guests/web -H "If-Match: $first"
answers 422 PATCH /v1/guests/web -H "$patch" -d '{"disks":[{"path":7}]}'
says '"pointer":"/disks/0/path"'
answers 200 GET /v1/guests/web
[ "$(etag)" = "$second" ] || fail "a refusal changed it"
says '"memory_mib":320'
answers 200 GET /v1/events
last=$(tr '{' '\n' <body | sed -n 's/^"id":\([0-9]*\).*/\1/p' | tail -n 1)

echo "it is up"
answers 200 POST "/v1/guests/web/start?wait=true&timeout_s=80"
says '"ready":true'
answers 200 GET /v1/guests/web/state
says '"state":"running"'
says '"memory_mib":320'
wait_for 10 its_log "^memory 2[6-9][0-9] cpus 1|^memory 3[01][0-9] cpus 1"
expect log "^serial first"
answers 409 POST /v1/guests/web/start
answers 409 DELETE /v1/guests/web
# What follows the events until it is told to end.
LD_LIBRARY_PATH=/payload/tools/curl/lib /payload/tools/curl/curl -s -N --unix-socket /run/rastos/api.sock \
	-H "Accept: text/event-stream" -H "Last-Event-ID: $last" http://rastos/v1/events >followed &
follower=$!
wait_for 20 seen true
in_guest 'cat; echo err >&2; exit 3'
says '"end":"exited","status":3'
says '"error":"err'
# A program has any byte in it.
bytes 'head -c 20000 /proc/self/exe'
[ "$(wc -c <output)" = 20000 ] || fail "a command's bytes: $(wc -c <output) of 20000 came"
in_guest 'head -c 20000 /proc/self/exe | md5sum'
says "\"output\":\"$(md5sum <output | cut -d ' ' -f 1)"

echo "a disk is plugged in"
answers 201 PUT "/v1/disks/data?wait=true" -H "$json" -d '{"size":33554432}'
answers 201 PUT /v1/guests/web/devices/data -H "$json" -d '{"disk":{"image":"data"}}'
wait_for 20 its_log "virtio_blk .*\[vdb\] 65536 512-byte logical blocks"
wait_for 20 seen "test -b /dev/vdb"
in_guest 'echo of the guest | dd of=/dev/vdb bs=512 conv=sync,fsync && dd if=/dev/zero of=/dev/vdb bs=64k seek=1 count=8 oflag=direct'
says '"status":0'
in_guest 'cat /sys/block/vdb/serial'
says '"output":"data"'
[ "$(head -c 12 /var/lib/rastos/disks/data.img)" = "of the guest" ] || fail "what the guest wrote is not on the disk"
answers 200 GET /v1/guests/web
says '"image":"data"'
answers 200 GET /v1/guests/web/devices/data
says '"hotplug":true'
says '"written_bytes":5[0-9]{5}'
answers 200 GET /metrics
says '^rastos_guest_disk_written_bytes_total\{guest="web",device="data"\} 5[0-9]{5}$'
says '^rastos_guest_disk_written_bytes_total\{guest="web",device="first"\} 0$'
says '^rastos_guest_state\{guest="web",state="running"\} 1$'
answers 409 DELETE /v1/disks/data

echo "a link goes and comes"
card='"type":"tap","device":"tap0","mac":"52:54:00:15:39:47"'
wait_for 10 seen "grep 1 /sys/class/net/eth0/carrier"
answers 200 PUT /v1/guests/web/devices/card -H "$json" -d "{\"network\":{$card,\"link\":\"down\"}}"
wait_for 10 seen "grep 0 /sys/class/net/eth0/carrier"
answers 200 PUT /v1/guests/web/devices/card -H "$json" -d "{\"network\":{$card,\"link\":\"up\"}}"
wait_for 10 seen "grep 1 /sys/class/net/eth0/carrier"

echo "the disk is taken"
answers 204 DELETE /v1/guests/web/devices/data
wait_for 20 seen "! test -b /dev/vdb"
answers 404 GET /v1/guests/web/devices/data
answers 200 GET /metrics
! grep -q 'device="data"' body || fail "the disk is still in the metrics"
answers 204 DELETE "/v1/disks/data?wait=true"

echo "it is down, and forgotten"
answers 204 POST "/v1/guests/web/shutdown?wait=true&timeout_s=60"
answers 200 GET /v1/guests/web/state
says '"state":"off"'
answers 200 GET "/v1/events?since=$last"
for event in starting running device-added device-changed device-removed stopping off; do
	says "\"event\":\"$event\""
done
! grep -q "\"id\":$last," body || fail "an event is told again"
answers 204 DELETE /v1/guests/web
answers 404 GET /v1/guests/web
says '"code":"not-found"'
wait_for 10 printed followed "^event: undefined"
kill $follower
for event in running device-added device-changed device-removed off; do
	grep -q "^event: $event" followed || fail "who followed was not told of $event: $(cat followed)"
done
grep -q "^id: $((last + 1))$" followed || fail "who followed did not begin after $last: $(cat followed)"
[ -z "$(ls /etc/rastos/guests)" ] || fail "there is still $(ls /etc/rastos/guests)"
rastos-vmm down --timeout 30
