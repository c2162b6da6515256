# Whoever had a terminal before leaves it sane for the next one, who has it as the controlling terminal.
on_terminal
unit terminal <<'END'
[Service]
StandardInput=tty
StandardOutput=tty
ExecStart=/bin/sh -c "stty -a; exec sleep 1000"
END
before+=' && stty -F dev/console raw -echo -isig -onlcr'
boot
expect " onlcr "
expect "isig icanon "
expect " echo "
process=$(inside rinitctl status terminal | sed -n 's/ *Process: //p')
[[ $(inside cut -d' ' -f7 "/proc/$process/stat") != 0 ]] || fail "it has no controlling terminal"
