unit tmp <<END
[Service]
PrivateTmp=yes
ExecStart=/bin/sh -c "touch /tmp/mine; ls /tmp; exec sleep 1000"
END
mount --bind "$root" "$root"
boot
logged tmp mine
inside test -e /tmp/mine && fail "it is seen outside"
true
