file etc/rinit/network/a.network <<END
[Network]
DHCP=yes
END
file etc/rinit/network/b.network <<END
[Match]
Name=x
[Network]
Address=1.2.3
END
boot
expect "/etc/rinit/network/a.network: no Name= in [Match]: it configures no interface"
expect "/etc/rinit/network/b.network:4: Address=1.2.3 is not valid and has no effect"
expect "rinit: ready"
