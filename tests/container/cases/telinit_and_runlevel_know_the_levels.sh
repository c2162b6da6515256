unit web <<END
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=graphical.target
END
boot
expect "rinit: ready"
[[ $(inside /bin/runlevel) == "N 3" ]] || fail "runlevel: $(inside /bin/runlevel)"
inside /bin/telinit 5 || fail "telinit 5"
[[ $(inside /bin/runlevel) == "N 5" ]] || fail "runlevel after telinit 5"
becomes "State: running" ctl status web
inside /bin/telinit 3 || fail "telinit 3"
[[ $(inside /bin/runlevel) == "N 3" ]] || fail "runlevel after telinit 3"
becomes "State: inactive" ctl status web
inside /bin/telinit q || fail "telinit q"
inside /bin/telinit 7 2>/dev/null
[[ $? == 2 ]] || fail "telinit 7"
inside /bin/telinit 2>/dev/null
[[ $? == 2 ]] || fail "telinit of nothing"
inside /bin/telinit 0
expect "going to power off"
ends 0
