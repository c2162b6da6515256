# ifupdown's networking.service gets an address by DHCP at boot, takes the interface down when it stops,
# and brings it back.
active networking
check "inet 10.0.2.15/24" ip -4 address show eth0
rinitctl stop networking
ip -4 address show eth0 | grep inet && fail "the address is left"
pgrep udhcpc && fail "the DHCP client is left"
rinitctl start networking
check "inet 10.0.2.15/24" ip -4 address show eth0
check "inet 127.0.0.1/8" ip address show lo
