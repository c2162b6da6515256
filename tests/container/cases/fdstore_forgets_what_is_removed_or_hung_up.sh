unit keeper <<'END'
[Service]
NotifyAccess=all
FileDescriptorStoreMax=10
ExecStart=/bin/sh -c 'echo "${LISTEN_FDS:-0} $LISTEN_FDNAMES"; [ -z "$LISTEN_FDS" ] && peer fdstore "FDSTORE=1\nFDNAME=a" /etc/passwd && peer fdstore "FDSTORE=1\nFDNAME=b" /etc/passwd /etc/inittab && peer fdstore "FDSTORE=1\nFDNAME=bad:name" /etc/fresh && peer fdstore "FDSTORE=1\nFDNAME=pty" /dev/ptmx && peer fdstore "FDSTOREREMOVE=1\nFDNAME=a"; echo told; exec sleep 1000'
END
for name in inittab fresh; do file etc/$name <<<x; done
boot
expect "rinit: ready"
logged keeper "told"
ctl restart keeper
# passwd and inittab by two calls each of their own; the terminal's other end was never there.
logged keeper "4 b:b:stored:pty"
