boot single
expect "started single-user shell"
type "exit"
ends 0
