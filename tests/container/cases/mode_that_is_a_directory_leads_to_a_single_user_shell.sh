mkdir -p "$root/etc/rastos/mode"
boot
expect "/etc/rastos/mode: cannot read: Is a directory; going to single-user mode"
type 'echo I am $((6 * 7))'
expect "I am 42"
