file etc/rinit/network/10-veth.network <<END
[Match]
Name=test*
[Link]
RequiredForOnline=no
[Network]
Address=192.0.2.7/24
END
unit online <<END
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/true
END
boot
expect "rinit: ready"
ip link add "rinit$$" type veth peer name test0 netns "$pid" 2>/dev/null ||
	inside ip link add test0 type dummy 2>/dev/null || { echo "skipped: the kernel has neither veth nor dummy"; exit 77; }
for ((i = 0; i < limit * 20; i++)); do
	[[ $(inside ip -4 addr show test0) == *"inet 192.0.2.7/24"* ]] && break
	sleep 0.05
done
check "inet 192.0.2.7/24" inside ip -4 addr show test0
