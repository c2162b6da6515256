file usr/lib/sysctl.d/10-a.conf <<'CONF'
net.ipv4.conf.lo.log_martians = 0
net.ipv4.ip_default_ttl=99
END_IS_NOT_A_SETTING
CONF
file etc/sysctl.d/20-b.conf <<'CONF'
net.ipv4.conf.*.log_martians = 1
net/ipv4/ip_default_ttl = 77
net.ipv4.no.such.thing = 1
-net.ipv4.nor.this = 1
CONF
file usr/lib/sysctl.d/30-masked.conf <<'CONF'
net.ipv4.ip_default_ttl = 11
CONF
ln -s /dev/null "$root/etc/sysctl.d/30-masked.conf"
boot rinit.sysctl=yes
expect '/usr/lib/sysctl.d/10-a.conf:3: this line is not name = value and has no effect'
expect '/etc/sysctl.d/20-b.conf:3: cannot set net/ipv4/no/such/thing to "1": No such file or directory'
expect "rinit: ready"
never "nor/this"
check 77 inside cat /proc/sys/net/ipv4/ip_default_ttl
check 1 inside cat /proc/sys/net/ipv4/conf/default/log_martians
check 0 inside cat /proc/sys/net/ipv4/conf/lo/log_martians
