# bash completion for rinitctl(1), and for it by its other names: commands, options, units' names.
_rinitctl_units() {
	rinitctl list 2>/dev/null | awk 'NR > 1 { print $1; sub(/\.service$/, "", $1); print $1 }' | sort -u
}

# Those that have not been read, too.
_rinitctl_files() {
	systemctl list-unit-files 2>/dev/null | awk '{ print $1; sub(/\.service$/, "", $1); print $1 }' | sort -u
}

_rinitctl_signals="SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP"

_rinitctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= words= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} != -* ]]; then
			command=${COMP_WORDS[i]}
			break
		fi
	done
	case $command in
	"") words="--json --help --version list status start stop restart reload kill reset-failed isolate
		enable disable reenable preset preset-all mask unmask link add-wants add-requires get-default set-default
		is-active is-failed is-enabled cat check daemon-reload log why blame chart graph notify
		poweroff reboot halt" ;;
	list) words="--failed --state= --json" ;;
	status) words="--failed --state= --json $(_rinitctl_units)" ;;
	stop | restart | reload) words="--no-block --json $(_rinitctl_units)" ;;
	start) words="--no-block --json $(_rinitctl_files)" ;;
	isolate) words="--no-block $(_rinitctl_units | grep '\.target$')" ;;
	kill) words="-s --kill-whom=all --kill-whom=main --kill-whom=control --json $(_rinitctl_units)" ;;
	reset-failed) words="--json $(rinitctl list --failed 2>/dev/null | awk 'NR > 1 { print $1 }')" ;;
	enable | disable | reenable | mask | unmask) words="--now --quiet --runtime --root= $(_rinitctl_files)" ;;
	preset) words="--preset-mode= --root= $(_rinitctl_files)" ;;
	preset-all) words="--preset-mode= --root=" ;;
	add-wants | add-requires) words="--root= $(_rinitctl_files)" ;;
	set-default) words="multi-user.target graphical.target" ;;
	is-active | is-failed | is-enabled) words="--quiet $(_rinitctl_files)" ;;
	cat | check) words=$(_rinitctl_files) ;;
	log) words="-f -n --json rinit $(_rinitctl_units)" ;;
	why) words="--json $(_rinitctl_units)" ;;
	blame) words="--json" ;;
	chart) words="--svg --json" ;;
	graph) words="--dot --svg --json" ;;
	notify) words="READY=1 STATUS=" ;;
	poweroff | reboot | halt) words="-f" ;;
	esac
	if [[ $prev == --svg || $command == link || ($command == check && $cur == */*) ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $command == kill && $prev == -s ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$_rinitctl_signals" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}
complete -F _rinitctl rinitctl
