stock echo.socket <<END
[Socket]
ListenStream=/run/echo
END
stock echo.service <<END
[Service]
ExecStart=/bin/sleep 1000
END
wants sockets.target echo.socket
boot
expect "rinit: ready"
order() { ctl graph --dot | grep '"echo.socket"' | grep -e '->' | sort; }
before=$(order)
[[ $before == *echo.service* ]] || fail "it has no order: $before"
ctl daemon-reload
[[ $(order) == "$before" ]] || fail "the order was: $before; is: $(order)"
