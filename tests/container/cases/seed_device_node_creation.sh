# There is no devtmpfs in a container: rinit makes the nodes that programs count on by hand.
boot
expect "rinit: ready"
for node in "null 1,3" "zero 1,5" "full 1,7" "random 1,8" "urandom 1,9" "tty 5,0"; do
	read -r name numbers <<<"$node"
	check "character special file $numbers" inside stat -c "%F %t,%T" "/dev/$name"
	check "666" inside stat -c %a "/dev/$name"
done
[[ $(inside head -c 3 /dev/zero | od -An -tx1) == " 00 00 00" ]] || fail "/dev/zero gives no zeros"
inside sh -c 'echo x >/dev/null' || fail "/dev/null"
inside sh -c 'echo x >/dev/full' 2>/dev/null && fail "/dev/full takes bytes"
check "pipe" inside sh -c "echo pipe | cat /dev/stdin"
check "/proc/self/fd" inside readlink /dev/fd
