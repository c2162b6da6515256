[[ -x /usr/bin/script ]] || { echo "skipped: there is no script(1) here, which makes a terminal"; exit 77; }
with_usr
boot
expect "rinit: ready"
typed() { [[ $(inside /bin/cat /run/typed 2>/dev/null) == *"$1"* ]]; }
debian script -qfc "echo begun; exec /bin/sleep 1000" /run/typed >/dev/null 2>&1 </dev/null &
for ((i = 0; i < 200; i++)); do typed begun && break || sleep 0.05; done
inside /bin/wall "mind the gap" || fail "wall"
for ((i = 0; i < 200; i++)); do typed "mind the gap" && break || sleep 0.05; done
typed "mind the gap" || fail "the terminal did not show it"
inside /bin/shutdown -r +5 "a new disk" || fail "shutdown"
for ((i = 0; i < 200; i++)); do typed "reboot in 5 minutes" && break || sleep 0.05; done
typed "a new disk" || fail "the terminal did not show why"
as_user /bin/wall "not you" 2>/dev/null && fail "a user wrote to everybody"
echo bell | tr 'l' '\033' | inside /bin/wall || fail "wall of its input"
for ((i = 0; i < 200; i++)); do typed "be?" && break || sleep 0.05; done
typed "be??" || fail "an escape got through"
