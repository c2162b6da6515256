file etc/sysctl.d/a.conf <<'CONF'
net.ipv4.ip_default_ttl = 77
CONF
boot
expect "rinit: ready"
check 64 inside cat /proc/sys/net/ipv4/ip_default_ttl
