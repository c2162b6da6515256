mkdir "$root/var"
file etc/rinit/rinit.conf <<END
LogFile=no
END
boot
expect "rinit: ready"
sleep 0.5
[[ ! -e $root/var/log ]] || fail "$(find "$root/var")"
