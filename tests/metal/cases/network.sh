# The network `default` under the manager: names, masquerading, published ports, and no trace of it afterwards.
# timeout: 300
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
for name in web db; do
	guest_initrd /tmp/$name <<-'END'
		rinitctl enable --now rastos-exec.socket
		until ip -4 address show dev eth0 | grep -q 192.168.140; do sleep 0.1; done
		grep -q 192.168.140.1 /etc/resolv.conf && echo "the network is there"
	END
	publish=
	[ $name = db ] || publish=', "publish": ["8080:80"]'
	cat >/etc/rastos/guests/$name.json <<-END
		{ "name": "$name", "role": "guest", "memory_mib": 160, "vcpus": 1,
		  "kernel": { "path": "$tuned", "initrd": "/tmp/$name", "cmdline": "console=ttyS0 quiet panic=-1" },
		  "networks": [{ "type": "network", "network": "default"$publish }] }
	END
done

# state: all that a network could leave.
state() {
	ip -o link | cut -d ' ' -f 2- | grep -v -e LOOPBACK | sed 's/NO-CARRIER,//; s/,LOWER_UP//' # the machine's own cable was just plugged in
	ip -4 route
	nft list ruleset
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding
	ls /run/rastos/networks 2>/dev/null || true
	ps | grep '[d]nsmasq' || true
}
wait_for 20 sh -c 'ip route | grep -q default'
state >before

rastos-vmm up -d --timeout 120
rastos-vmm boot-report --wait web >/dev/null
rastos-vmm boot-report --wait db >/dev/null
rastos-vmm network list
rastos-vmm network info default
address_of() {
	rastos-vmm network info default | awk -v guest="$1" '$1 == guest { print $2 }'
}
web=$(address_of web)
db=$(address_of db)
[ -n "$web" ] && [ -n "$db" ] && [ "$web" != "$db" ] || fail "addresses: web $web, db $db"
for name in web db; do
	wait_for 40 rastos-vmm exec $name true
	wait_for 20 rastos-vmm exec $name -- grep -q 192.168.140.1 /etc/resolv.conf
	rastos-vmm exec $name -- ip -4 address show dev eth0 | grep -q "inet $(address_of $name)/24" || fail "$name has another address"
done

resolve() {
	rastos-vmm exec "$1" -- nslookup -type=a "$2" | sed -n '/^Name:/,$s/^Address: *//p' | head -n 1
}
[ "$(resolve db web)" = "$web" ] || fail "db does not find web: $(rastos-vmm exec db -- nslookup web)"
[ "$(resolve web db.rastos)" = "$db" ] || fail "web does not find db.rastos"
[ "$(resolve web host)" = 192.168.140.1 ] || fail "web does not find the host"
rastos-vmm exec db -- ping -c 1 -W 5 "$web" || fail "db does not reach web"
# QEMU's user network answers 10.0.2.15 alone.
rastos-vmm exec db -- ping -c 1 -W 5 10.0.2.2 || fail "db does not reach the world"

rastos-vmm exec web -- sh -c 'echo "this is web" >/tmp/page; while :; do nc -l -p 80 </tmp/page; done' </dev/null >/dev/null 2>&1 &
ask() {
	timeout 5 nc -w 3 "$1" 8080 </dev/null 2>/dev/null || true
}
wait_for 20 sh -c "timeout 5 nc -w 3 $web 80 </dev/null | grep -q 'this is web'"
for address in 127.0.0.1 10.0.2.15; do
	wait_for 10 sh -c "timeout 5 nc -w 3 $address 8080 </dev/null | grep -q 'this is web'"
done
wait_for 10 sh -c "rastos-vmm exec db -- timeout 5 nc -w 3 10.0.2.15 8080 </dev/null | grep -q 'this is web'"

# A refused guest has changed nothing.
cat >/etc/rastos/guests/lost.json <<END
{ "name": "lost", "role": "guest", "memory_mib": 64, "kernel": { "path": "$tuned" },
  "networks": [{ "type": "network", "network": "defualt" }] }
END
rastos-vmm run /etc/rastos/guests/lost.json 2>err && fail "run without a manager made a network"
grep -q 'network defualt is made by the manager' err || fail "$(cat err)"
rm /etc/rastos/guests/lost.json

# Guests and their network outlive the manager; the next one finds both.
dnsmasq=$(cat /run/rastos/networks/default/dnsmasq.pid)
kill -9 "$(rastos-vmm list --json | sed -n 's/.*"manager_pid":\([0-9]*\).*/\1/p' | grep . || ps | awk '/[r]astos-vmm.* up/ { print $1; exit }')"
wait_for 10 sh -c "! rastos-vmm list"
ping -c 1 -W 5 "$web" || fail "web lost its network with the manager"
rastos-vmm up -d --timeout 60
[ "$(cat /run/rastos/networks/default/dnsmasq.pid)" = "$dnsmasq" ] || fail "dnsmasq was not found again"
kill -9 "$dnsmasq"
wait_for 20 sh -c "rastos-vmm exec db -- nslookup web | grep -q '$web'"

rastos-vmm shutdown --wait web
[ -z "$(ask 127.0.0.1)" ] || fail "the port of a guest that is off"
rastos-vmm network info default | grep '^web' && fail "web is off and plugged in"
rastos-vmm down
state >after
diff before after || fail "the network left a trace"
