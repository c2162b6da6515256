# bash completion for rinitctl(1): commands, options, units' names.
_rinitctl_units() {
	rinitctl list 2>/dev/null | awk 'NR > 1 { print $1; sub(/\.service$/, "", $1); print $1 }' | sort -u
}

_rinitctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= words= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} != -* ]]; then
			command=${COMP_WORDS[i]}
			break
		fi
	done
	case $command in
	"") words="--json --help --version list status start stop restart log why blame chart graph notify poweroff reboot halt" ;;
	list) words="--failed --state= --json" ;;
	status) words="--failed --state= --json $(_rinitctl_units)" ;;
	start | stop | restart) words="--no-block --json $(_rinitctl_units)" ;;
	log) words="-f -n --json rinit $(_rinitctl_units)" ;;
	why) words="--json $(_rinitctl_units)" ;;
	blame) words="--json" ;;
	chart) words="--svg --json" ;;
	graph) words="--dot --svg --json" ;;
	notify) words="READY=1 STATUS=" ;;
	poweroff | reboot | halt) words="-f" ;;
	esac
	if [[ $prev == --svg ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}
complete -F _rinitctl rinitctl
