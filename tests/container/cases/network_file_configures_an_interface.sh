file etc/rinit/network/10-veth.network <<END
[Match]
Name=test*
[Network]
Address=192.0.2.7/24
Gateway=192.0.2.1
DNS=192.0.2.53
END
unit online <<END
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c "ip -4 addr show test0; ip route"
END
boot
becomes "waiting" ctl status online
ip link add "rinit$$" type veth peer name test0 netns "$pid" 2>/dev/null ||
	inside ip link add test0 type dummy 2>/dev/null || { echo "skipped: the kernel has neither veth nor dummy"; exit 77; }
expect "inet 192.0.2.7/24"
expect "default via 192.0.2.1 dev test0"
expect "rinit: ready"
check "nameserver 192.0.2.53" inside cat /etc/resolv.conf
