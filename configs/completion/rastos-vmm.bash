# bash completion for rastos-vmm(1): commands, options, guests' names.
_rastos_vmm_guests() {
	rastos-vmm list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_rastos_vmm() {
	local cur=${COMP_WORDS[COMP_CWORD]} command= word words=
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--config | --connect) ((i++)) ;;
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done
	case $command in
	"") words="up down run list start shutdown reboot kill console boot-report plan check image help --config --connect --version --help" ;;
	up) words="--detach --mode --config --timeout --no-console --help" ;;
	down) words="--timeout --force --poweroff --help" ;;
	run) words="--cpus --memory --disk --net --initrd --append --protocol --console --vsock --key --allow-unsigned --no-reboot --boot-report --help" ;;
	plan) words="--json --mode --config --host --help" ;;
	list | check) words="--json --help" ;;
	start) words="--help $(_rastos_vmm_guests)" ;;
	shutdown) words="--wait --timeout --help $(_rastos_vmm_guests)" ;;
	reboot) words="--timeout --help $(_rastos_vmm_guests)" ;;
	kill) words="--wait --help $(_rastos_vmm_guests)" ;;
	console) words="--wait --socket --help $(_rastos_vmm_guests)" ;;
	boot-report) words="--wait --timeout --json --svg --help $(_rastos_vmm_guests)" ;;
	image) words="build sign verify inspect --kernel --initrd --cmdline --description --key --name --output --configuration --json --help" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ $command == run || $command == image ]] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _rastos_vmm rastos-vmm
