file etc/rinit/network/10-test.network <<END
[Match]
Name=test*
[Network]
Address=192.0.2.7/24
Gateway=192.0.2.1
END
stock resolver.service <<'END'
[Unit]
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c "ip -4 -o addr show; ip route"
END
wants multi-user.target resolver.service
boot
becomes "State: active" ctl status network.target
check "UP" inside ip link show lo
check "State: waiting" ctl status resolver
ip link add "rinit$$" type veth peer name test0 netns "$pid" 2>/dev/null ||
	inside ip link add test0 type dummy 2>/dev/null || { echo "skipped: the kernel has neither veth nor dummy"; exit 77; }
expect "inet 192.0.2.7/24"
expect "default via 192.0.2.1 dev test0"
expect "rinit: ready"
check "State: active" ctl status resolver
