# Connections both ways between a guest's vsock ports and unix sockets of the host, each with a half-close.
tool=/payload/tools/metal-vsock
guest_initrd initrd $tool <<'END'
echo "host says: $(/metal-vsock connect 5000 'guest to host')"
echo listening
/metal-vsock listen 6000
echo served
poweroff
END
$tool listen /tmp/vs_5000 &
start_guest log -m 192 --vsock /tmp/vs -i initrd $tuned
wait_for 30 printed log listening
expect log "host says: echo: guest to host"
wait_for 10 sh -c "$tool connect /tmp/vs:6000 'host to guest' >answer" # once it listens
[ "$(cat answer)" = "echo: host to guest" ] || fail "the guest did not echo: $(cat answer)"
if $tool connect /tmp/vs:6001 nobody; then
	fail "a port that nobody listens on was connected"
fi
wait $guest
expect log served
