file etc/hostname <<END
testhost
END
boot
expect "rinit: ready"
check "testhost" inside hostname
