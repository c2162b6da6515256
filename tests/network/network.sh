#!/usr/bin/env bash
# The host's networks with the real tools, in network namespaces: this script's own is the host, `world` is what is outside,
# and each guest has one, with the cable (cable.c) as its process.
#
#      world 10.9.0.2 ---- 10.9.0.1 host 192.168.140.1 ---- web, db ...
#
#   network.sh CABLE
set -u

[[ $(id -u) == 0 ]] || { echo "skipped: needs root, to make network namespaces"; exit 77; }
if [[ -z ${NETWORK_TEST_INSIDE:-} ]]; then
	for tool in nft dnsmasq ip busybox socat; do
		[[ -x $(PATH=$PATH:/usr/sbin:/sbin command -v $tool) ]] || { echo "skipped: $tool is not installed"; exit 77; }
	done
	[[ -c /dev/net/tun ]] || { echo "skipped: there is no /dev/net/tun"; exit 77; }
	unshare --net --mount true 2>/dev/null || { echo "skipped: unshare(1) may not make namespaces here"; exit 77; }
	NETWORK_TEST_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi

PATH=$PATH:/usr/sbin:/sbin
cable=$1
mount -t sysfs sysfs /sys # this namespace's interfaces
mount -t tmpfs tmpfs /run
mkdir -p /run/networks /run/rastos
chmod 755 /run /run/rastos
cat >/run/vmm.json <<'END'
{ "runtime_dir": "/run/rastos", "networks_dir": "/run/networks" }
END
export RASTOS_CONFIG=/run/vmm.json
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

# wait_for COMMAND...: for at most ten seconds.
wait_for() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# snapshot FILE: all that a network could leave.
snapshot() {
	{
		ip -o link | sed 's/^[0-9]*: //'
		ip -4 -o address
		ip -4 route
		nft list ruleset
		# A sysctl that is only there to be written to, or that counts, says nothing.
		(cd /proc/sys/net && find ipv4 ipv6/conf -type f -perm -a=r ! -name '*route*flush' ! -name 'stable_secret' \
			-exec grep -H . {} + 2>/dev/null | sort)
		find /run/rastos -mindepth 1 ! -name control.sock
		ps -e -o args | grep -E '[d]nsmasq --conf' | grep -v world
	} >"$1"
}

# no_trace WHEN: all is as it was before.
no_trace() {
	snapshot /run/after
	diff /run/before /run/after >/run/diff || { fail "$1 left a trace:"; head -n 20 /run/diff; }
}

# start_guest NETWORK GUEST [PUBLISH...]: its process is in ${process[GUEST]}, its address in $address.
declare -A process
start_guest() {
	local network=$1 guest=$2
	ip netns list | grep -qw "$guest" || ip netns add "$guest"
	rm -f "/run/$guest.out" # a former one's says that it is ready
	"$cable" attach "$network" "$guest" "/run/netns/$guest" "${@:3}" >"/run/$guest.out" 2>"/run/$guest.err" &
	process[$guest]=$!
	wait_for grep -q ready "/run/$guest.out" || { fail "guest $guest does not start: $(cat "/run/$guest.err")"; return 1; }
	address=$(head -n 1 "/run/$guest.out")
	in_guest "$guest" ip link set lo up
	in_guest "$guest" ip link set eth0 up
}

in_guest() {
	ip netns exec "$@"
}

# end_guest GUEST: as a manager does that sees its end.
end_guest() {
	kill -9 "${process[$1]}" 2>/dev/null
	wait "${process[$1]}" 2>/dev/null
	for pid in $(ip netns pids "$1"); do kill "$pid"; done # its servers
	"$cable" detach "$1" || fail "detach $1"
	ip netns delete "$1"
}

# lease GUEST: what DHCP gives it, which it then has.
cat >/run/lease.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router"
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
echo "$ip $router $dns $domain $hostname $mtu"
END
chmod 755 /run/lease.sh
lease() {
	in_guest "$1" busybox udhcpc -i eth0 -n -q -f -t 8 -T 1 -A 1 -O mtu -O hostname -s /run/lease.sh 2>/run/udhcpc.err
}

# resolve GUEST NAME [SERVER]: the address that DNS gives it.
resolve() {
	in_guest "$1" busybox nslookup -type=a "$2" "${3:-192.168.140.1}" 2>&1 | sed -n '/^Name:/,$s/^Address: *//p' | head -n 1
}

# serve NAMESPACE PORT: a server there that says who asks.
serve() {
	ip netns exec "$1" socat "TCP-LISTEN:$2,fork,reuseaddr" "SYSTEM:echo $1 hears \$SOCAT_PEERADDR" &
	wait_for ip netns exec "$1" sh -c "ss -ltn | grep -q ':$2 '"
}

# ask ADDRESS:PORT [in a namespace: COMMAND...]: what a server there says.
ask() {
	"${@:2}" timeout 5 socat -T 3 - "TCP:$1,connect-timeout=3" </dev/null 2>&1
}

# refused MESSAGE COMMAND...: it fails and says so, in one line.
refused() {
	local said
	said=$("${@:2}" 2>&1) && fail "was not refused: ${*:2}"
	[[ $said == *"$1"* && $said != *$'\n'* ]] || fail "expected \"$1\", got \"$said\""
}

# --- The world ---

ip link set lo up
ip netns add world
ip link add uplink type veth peer name eth0 netns world
ip address add 10.9.0.1/24 dev uplink
ip link set uplink up
ip netns exec world ip address add 10.9.0.2/24 dev eth0
ip netns exec world ip link set eth0 up
ip netns exec world ip link set lo up
ip route add default via 10.9.0.2
serve world 7000
echo 'nameserver 10.9.0.2' >/run/resolv.conf
mount --bind /run/resolv.conf "$(realpath /etc/resolv.conf)"
ip netns exec world dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
	--address=/outside.test/10.9.0.2 --bind-interfaces --listen-address=10.9.0.2 2>/run/world-dns.err &
wait_for ip netns exec world sh -c "ss -lun | grep -q ':53 '"
# Two switches that a careless restore would lose.
echo 1 >/proc/sys/net/ipv4/conf/lo/forwarding
echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects
snapshot /run/before

# --- Two guests on the default network ---

start_guest default web 8080:80 127.0.0.1:9000-9001:90-91 && web=$address
start_guest default db && db=$address
[[ $web == 192.168.140.* && $db == 192.168.140.* && $web != "$db" ]] || fail "addresses: web $web, db $db"
[[ $(lease web) == "$web 192.168.140.1 192.168.140.1 rastos web "* ]] || fail "web's lease: $(lease web) $(cat /run/udhcpc.err)"
[[ $(lease db) == "$db "* ]] || fail "db's lease"
[[ $(resolve db web) == "$web" ]] || fail "db resolves web: $(resolve db web)"
[[ $(resolve db web.rastos) == "$web" ]] || fail "db resolves web.rastos"
[[ $(resolve web db) == "$db" ]] || fail "web resolves db"
[[ $(resolve web host) == 192.168.140.1 ]] || fail "web resolves host"
[[ $(resolve web outside.test) == 10.9.0.2 ]] || fail "web resolves a name of the world: $(resolve web outside.test)"
in_guest db ping -c 1 -W 3 "$web" >/dev/null || fail "db does not reach web"
[[ $(ask 10.9.0.2:7000 in_guest db) == "world hears 10.9.0.1" ]] || fail "db does not reach the world by masquerading: $(ask 10.9.0.2:7000 in_guest db)"
serve web 80
serve web 90
serve web 91
[[ $(ask 10.9.0.1:8080 ip netns exec world) == "web hears 10.9.0.2" ]] || fail "the world does not reach web's port: $(ask 10.9.0.1:8080 ip netns exec world)"
[[ $(ask 127.0.0.1:8080) == "web hears 192.168.140.1" ]] || fail "the host does not reach web's port at 127.0.0.1: $(ask 127.0.0.1:8080)"
[[ $(ask 127.0.0.1:9001) == "web hears "* ]] || fail "the second port of a range"
[[ $(ask 10.9.0.1:8080) == "web hears "* ]] || fail "the host does not reach web's port at its own address"
[[ $(ask 10.9.0.1:8080 in_guest db) == "web hears "* ]] || fail "db does not reach web's published port: $(ask 10.9.0.1:8080 in_guest db)"
# A bridge that is filtered as if it were a router (br_netfilter) sends no frame back to where it came from.
nf_call=/proc/sys/net/bridge/bridge-nf-call-iptables
[[ ! -e $nf_call ]] || echo 0 >$nf_call
[[ $(ask 10.9.0.1:8080 in_guest db) == "web hears "* ]] || fail "db does not reach web's published port: $(ask 10.9.0.1:8080 in_guest db)"
[[ $(ask 10.9.0.1:8080 in_guest web) == "web hears "* ]] || fail "web does not reach its own published port"
[[ ! -e $nf_call ]] || echo 1 >$nf_call
[[ $(ask 10.9.0.1:9000 ip netns exec world) == *hears* ]] && fail "a port of 127.0.0.1 is open to the world"
ip netns exec world ip route add 192.168.140.0/24 via 10.9.0.1
[[ $(ask "$web:90" ip netns exec world) == *hears* ]] && fail "the world reaches a port that is not published"
socat TCP-LISTEN:7777,bind=127.0.0.1,fork,reuseaddr SYSTEM:'echo secret' &
secret=$!
wait_for sh -c "ss -ltn | grep -q 7777"
in_guest db ip route add 127.0.0.7/32 via 192.168.140.1 dev eth0 2>/dev/null
in_guest db sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip address del 127.0.0.1/8 dev lo; ip route add table local 127.0.0.1/32 via 192.168.140.1 dev eth0' 2>/dev/null
[[ $(ask 127.0.0.1:7777 in_guest db) == *secret* ]] && fail "a guest reaches what the host has at 127.0.0.1"
"$cable" info default >/run/info || fail "info"
grep -q '"127.0.0.1:9000-9001:90-91"' /run/info || fail "info does not show the published ports: $(cat /run/info)"

# --- Others ---

cat >/run/networks/lab.json <<'END'
{ "name": "lab", "forward": "none", "address": "192.168.150.0/24", "domain": "lab", "mtu": 1400 }
END
cat >/run/networks/routed.json <<'END'
{ "name": "routed", "forward": "route", "address": "192.168.160.1/24", "dhcp": { "first": "192.168.160.50", "last": "192.168.160.50" } }
END
start_guest lab alone && alone=$address
read -r ip_of_alone rest <<<"$(lease alone)"
[[ $ip_of_alone == "$alone" && $rest == *1400* ]] || fail "alone's lease: $ip_of_alone $rest, not $alone"
[[ $(in_guest alone ip route) == *default* ]] && fail "an isolated network has a way out"
in_guest alone ip route add default via 192.168.150.1
[[ $(ask 10.9.0.2:7000 in_guest alone) == *hears* ]] && fail "an isolated guest reaches the world"
[[ $(ask "$web:80" in_guest alone) == *hears* ]] && fail "an isolated guest reaches another network"
[[ $(ask 10.9.0.1:8080 in_guest alone) == *hears* ]] && fail "an isolated guest reaches a published port"
[[ $(ask "$alone:80" in_guest db) == *refused* ]] && fail "db reaches an isolated guest"
[[ $(resolve alone alone.lab 192.168.150.1) == "$alone" ]] || fail "alone resolves itself"
[[ -z $(resolve alone outside.test 192.168.150.1) ]] || fail "an isolated guest has the world's names"
start_guest routed route && route=$address
[[ $route == 192.168.160.50 ]] || fail "the range of addresses: $route"
lease route >/dev/null
[[ $(ask "$web:80" in_guest route) == *hears* ]] && fail "networks see each other"
serve route 80
ip netns exec world ip route add 192.168.160.0/24 via 10.9.0.1
[[ $(ask "$route:80" ip netns exec world) == "route hears 10.9.0.2" ]] || fail "the world does not reach a routed guest"
[[ $(ask 10.9.0.2:7000 in_guest route) == "world hears $route" ]] || fail "a routed guest is masqueraded"

# --- Refusals: one sentence, and nothing changed ---

ip netns add extra
attach() { timeout 15 "$cable" attach "$1" "$2" /run/netns/extra "${@:3}"; }
refused 'networks[0]: no network is named defualt, did you mean default?' attach defualt extra
refused 'guest web has this port of the host' attach default extra 8080:81
refused 'cannot bind port 7777 of the host: Address already in use' attach default extra 127.0.0.1:7777:80
refused 'network lab has "forward": "none"' attach lab extra 1234:80
refused '"host" is the host'"'"'s own name' attach default host
refused 'published on IPv4 addresses only' attach default extra '[::1]:8000:80'
refused 'network routed: all its addresses are taken' attach routed extra
cat >/run/networks/clash.json <<'END'
{ "name": "clash", "address": "10.9.0.64/26" }
END
cat >/run/networks/taken.json <<'END'
{ "name": "taken", "bridge": "uplink", "address": "192.168.170.1/24" }
END
cat >/run/networks/bridged.json <<'END'
{ "name": "bridged", "forward": "bridge", "bridge": "br-nne" }
END
refused 'its subnet 10.9.0.64/26 overlaps 10.9.0.0/24, which the host reaches through uplink' attach clash extra
refused 'the host has an interface uplink already' attach taken extra
refused 'the host has no bridge br-nne' attach bridged extra
ip link show br-clash 2>/dev/null && fail "a refused network left its bridge"

# Two networks with one bridge: the second neither comes up nor takes the bridge of the first away.
cat >/run/networks/lab2.json <<'END'
{ "name": "lab2", "bridge": "br-lab", "address": "192.168.151.1/24" }
END
refused "network lab2: its bridge br-lab is network lab's, which is up" attach lab2 extra
[[ $(ls /sys/class/net/br-lab/brif 2>/dev/null | wc -l) == 1 ]] || fail "a refused network took another's bridge"
rm /run/networks/lab2.json

# A bridge that a start finds and does not make outlives that start when it fails: it may have guests of a lost network.
ip link add br-lost type bridge
ip link set br-lost alias "$(cat /sys/class/net/br-lab/ifalias)"
cat >/run/networks/lost.json <<'END'
{ "name": "lost", "bridge": "br-lost", "address": "192.168.152.1/24" }
END
refused 'guest web has this port of the host' attach lost extra 8080:81
[[ -d /sys/class/net/br-lost ]] || fail "a start that failed removed a bridge that it had not made"
start_guest lost found
end_guest found
[[ ! -d /sys/class/net/br-lost ]] || fail "a bridge of ours outlived its last guest"
rm /run/networks/lost.json

# --- 127.0.0.1 is open to guests only behind the packet filter ---

# An nft that says what it finds, and fails where /run/nft.fails is.
mkdir /run/tools
cat >/run/tools/nft <<'END'
#!/bin/sh
cat /proc/sys/net/ipv4/conf/rastos0/route_localnet >>/run/nft.log
[ ! -e /run/nft.fails ] || { echo "nft fails" >&2; exit 1; }
exec /usr/sbin/nft "$@"
END
chmod 755 /run/tools/nft
with_nft() { PATH=/run/tools:$PATH "$@"; }
localnet=/proc/sys/net/ipv4/conf/rastos0/route_localnet
[[ $(cat $localnet) == 1 ]] || fail "127.0.0.1 has no way to published ports"
touch /run/nft.fails
with_nft "$cable" adopt web db alone route 2>/dev/null
[[ $(cat $localnet) == 0 ]] || fail "127.0.0.1 is open to guests without a packet filter"
rm /run/nft.fails
: >/run/nft.log
with_nft "$cable" adopt web db alone route
[[ $(head -n 1 /run/nft.log) == 0 && $(cat $localnet) == 1 ]] || fail "127.0.0.1 was opened before the packet filter: $(cat /run/nft.log)"

# --- An existing bridge ---

ip link add br-one type bridge
ip link set br-one up
cat >/run/networks/bridged.json <<'END'
{ "name": "bridged", "forward": "bridge", "bridge": "br-one" }
END
start_guest bridged plain
[[ $(ip -o link show master br-one | wc -l) == 1 ]] || fail "the TAP is not in the existing bridge"
end_guest plain
[[ -d /sys/class/net/br-one ]] || fail "an existing bridge was removed"
"$cable" bridge br-one plain >/run/plain.out &
plain=$!
wait_for grep -q rtap /run/plain.out
[[ -e /sys/class/net/br-one/brif/$(cat /run/plain.out) ]] || fail "a card of type bridge is not in its bridge"
kill $plain
wait $plain 2>/dev/null
[[ -z $(ls /sys/class/net/br-one/brif) ]] || fail "a TAP outlived its guest"
refused 'guest plain: networks[0]: the host has no bridge br-on, did you mean br-one?' "$cable" bridge br-on plain
ip link delete br-one

# --- Managers and helpers die ---

dnsmasq_pid() { cat /run/rastos/networks/default/dnsmasq.pid; }
old=$(dnsmasq_pid)
"$cable" adopt web db alone route
[[ $(dnsmasq_pid) == "$old" ]] || fail "adopting started a second dnsmasq"
"$cable" serve 6 2>/run/serve.err &
serving=$!
sleep 1
kill -9 "$old"
for ((i = 0; i < 40; i++)); do [[ $(resolve db web) == "$web" ]] && break; sleep 0.1; done
[[ $(resolve db web) == "$web" && $(dnsmasq_pid) != "$old" ]] || fail "dnsmasq was not started again: $(cat /run/serve.err)"
wait $serving
ip link delete rastos0
nft delete table inet rastos
"$cable" adopt web db alone route
[[ $(ask "$web:80" in_guest db) == "web hears "* ]] || fail "adopting did not mend the bridge"
[[ $(ask 10.9.0.1:8080 ip netns exec world) == "web hears "* ]] || fail "adopting did not mend the packet filter"
before=$web
[[ $(cat $localnet) == 1 ]] || fail "adopting did not open 127.0.0.1 again"
: >/run/nft.log
with_nft end_guest web
[[ $(head -n 1 /run/nft.log) == 0 && $(cat $localnet) == 0 ]] || fail "127.0.0.1 was closed after the packet filter: $(cat /run/nft.log)"
[[ -z $(resolve db web) ]] || fail "the name of a guest that is gone"
[[ $(ask 127.0.0.1:8080) == *hears* ]] && fail "the port of a guest that is gone"
start_guest default web
[[ $address == "$before" ]] || fail "web's address changed from $before to $address"
for guest in web alone route; do end_guest $guest; done
[[ -d /sys/class/net/rastos0 ]] || fail "the network went before its last guest"
end_guest db
kill $secret
no_trace "the end of the last guest"

start_guest default web 8080:80
"$cable" down
kill -9 "${process[web]}"
wait "${process[web]}" 2>/dev/null
no_trace "down"

# --- Many ---

declare -A taken=()
for ((i = 1; i <= 20; i++)); do
	start_guest default many$i $((8000 + i)):80 || break
	[[ -z ${taken[$address]:-} ]] || fail "many$i has the address of many${taken[$address]}"
	taken[$address]=$i
done
[[ $(lease many20) == "$address "* ]] || fail "the last of many has no lease"
for ((i = 1; i <= 20; i++)); do
	[[ ${taken[$(resolve many20 many$i)]:-} == "$i" ]] || fail "many20 does not find many$i"
done
for ((i = 1; i <= 20; i++)); do end_guest many$i; done
no_trace "many guests"

# --- kill -9 at any instant ---

for delay in 0.00 0.01 0.02 0.03 0.05 0.07 0.09 0.12 0.15 0.20; do
	"$cable" attach default web /run/netns/extra 8080:80 >/run/killed.out 2>&1 &
	victim=$!
	sleep $delay
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	sleep 0.3 # the tool that it ran may still be at work
	"$cable" adopt
	no_trace "kill -9 after $delay s"
done
start_guest default web 8080:80
for delay in 0.00 0.01 0.02 0.04 0.06 0.08 0.10; do
	"$cable" down &
	victim=$!
	sleep $delay
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
	sleep 0.3
	"$cable" adopt
	"$cable" adopt web
done
end_guest web
"$cable" adopt
no_trace "kill -9 of a down"

# --- What macvtap left: interfaces that bear a guest's mark, of whatever kind ---

for guest in web db "other manager's"; do
	name=mv${guest:0:2}
	ip tuntap add dev "$name" mode tap
	folder=/run/rastos
	[[ $name == mvot ]] && folder=/run/other
	ip link set "$name" alias "rastos macvtap $folder ${guest%% *} 0"
done
"$cable" adopt db
[[ ! -e /sys/class/net/mvwe ]] || fail "the macvtap of a guest that does not run is still there"
[[ -e /sys/class/net/mvdb && -e /sys/class/net/mvot ]] || fail "a macvtap went that is in use"
"$cable" down
[[ ! -e /sys/class/net/mvdb && -e /sys/class/net/mvot ]] || fail "down took the wrong macvtaps: $(ls /sys/class/net)"
ip link delete mvot

# --- Without the tools ---

mkdir /run/sbin
cp -a /usr/sbin/nft /usr/sbin/dnsmasq /run/sbin/
without() {
	mount -t tmpfs tmpfs /usr/sbin
	for tool in nft dnsmasq; do
		[[ $tool == "$1" ]] || cp -a /run/sbin/$tool /usr/sbin/
	done
	refused "$1 is not installed: apt-get install $2" attach default extra
	umount /usr/sbin
}
without nft nftables
without dnsmasq dnsmasq-base
ip address add 192.168.140.9/32 dev lo
refused 'overlaps 192.168.140.9/32, which the host reaches through lo' attach default extra
ip address del 192.168.140.9/32 dev lo
socat TCP-LISTEN:53,bind=0.0.0.0 - >/dev/null &
taken=$!
wait_for sh -c "ss -ltn | grep -q '0.0.0.0:53 '"
refused 'port 53 of bridge rastos0 is taken by another DNS or DHCP server' attach default extra
kill $taken
no_trace "a network that was refused"

exit $failed
