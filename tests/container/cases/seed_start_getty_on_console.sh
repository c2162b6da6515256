on_terminal
file etc/rinit/rinit.conf <<<"Getty=yes"
echo "root:x:0:" >"$root/etc/group"
boot
expect "login:"
check "login on console" ctl list
type root
expect "#"
type 'tty; echo $((40 + 2)) is the answer'
expect "/dev/console"
expect "42 is the answer"
type exit
expect "login:" # it is respawned
