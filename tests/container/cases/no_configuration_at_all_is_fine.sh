rm -r "$root/etc"
boot
expect "rinit: ready"
