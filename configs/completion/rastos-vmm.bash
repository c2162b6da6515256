# bash completion for rastos-vmm(1): commands, options, what goes with them, names of guests and disks.

# What the manager is asked with: the options before the command.
_rastos_vmm_ask() {
	rastos-vmm "${global[@]}" "$@" 2>/dev/null
}

_rastos_vmm_guests() {
	_rastos_vmm_ask list -q
}

_rastos_vmm_disks() {
	_rastos_vmm_ask disk list | awk 'NR > 1 { print $1 }'
}

_rastos_vmm_networks() {
	_rastos_vmm_ask network list | awk 'NR > 1 { print $1 }'
}

# The values of an option, or nothing; $1: the command, $2: the option. Sets files to complete paths.
_rastos_vmm_values() {
	case $2 in
	--mode) echo "server desktop" ;;
	--role) echo "guest server desktop" ;;
	--ready) echo "notify started" ;;
	--autostart) echo "yes no" ;;
	--protocol) echo "auto pvh linux64 bzimage" ;;
	--console) echo "serial virtio" ;;
	--net | -n) [[ $1 == logs || $1 == top ]] || echo "passt network: bridge: tap:" ;;
	--depends-on) _rastos_vmm_guests ;;
	--format) echo "auto raw qcow2 directory tar oci" ;;
	esac
}

# Options that take something, so that what follows them is no guest.
_rastos_vmm_takes_value() {
	case $2 in
	--config | --connect | --socket | --svg | --initrd | --key | --boot-report | --host | --kernel | --output) ;;
	--image | --disk | --volume | -d | -v | -i)
		[[ $1 == run || $1 == create || $1 == top || $1 == device ]] ;;
	--mode | --role | --ready | --autostart | --protocol | --console | --net | --depends-on | --format | --size | --tag) ;;
	--timeout | --cpus | --memory | --append | --vsock | --publish | --detach-keys | --lines | --since | --delay | --count) ;;
	--user | --workdir | --env | --cmdline | --description | --name | --configuration) ;;
	-t) [[ $1 != exec ]] ;;
	-n | -c | -m | -a | -p | -u | -w | -e | -o) ;;
	*) return 1 ;;
	esac
}

_rastos_vmm() {
	local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command= verb= words= files= word i
	local global=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--config | --connect) global+=("$word" "${COMP_WORDS[++i]}") ;;
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done
	case $command in
	network | device | disk | image | token) verb=${COMP_WORDS[i + 1]} ;;
	esac
	((i + 1 == COMP_CWORD)) && verb=
	case $command in
	"")
		words="up down mode plan network token check run create define dumpxml convert undefine start shutdown reboot kill pause resume setmem setvcpus console domdisplay screenshot send-key exec cp device
			list info logs events stats top boot-report crashes disk image help --config --connect --version --help"
		;;
	up) words="--detach --mode --config --timeout --no-console --help" ;;
	down) words="--timeout --force --poweroff --keep-guests --help" ;;
	mode) words="--json --timeout --help server desktop" ;;
	plan) words="--json --mode --config --host --help" ;;
	token)
		case $verb in
		"") words="list add remove --json --help" ;;
		list) words="--json --help" ;;
		add) words="read operate admin --help" ;;
		remove) words="--help" ;;
		esac
		;;
	check) words="--json --help" ;;
	network)
		case $verb in
		"") words="list info define undefine --help" ;;
		list) words="--json --help" ;;
		info) words="--json --help $(_rastos_vmm_networks)" ;;
		define) words="--replace --help" files=yes ;;
		undefine) words="--help $(_rastos_vmm_networks)" ;;
		esac
		;;
	run)
		words="--cpus --memory --disk --volume --net --initrd --append --protocol --console --vsock --key --allow-unsigned --no-reboot
			--boot-report --no-validate --help"
		files=yes
		;;
	create)
		words="--image --cpus --memory --disk --volume --net --publish --initrd --append --protocol --console --vsock --role
			--autostart --depends-on --ready --no-validate --no-start --detach --timeout --help"
		[[ $before != create ]] || files=yes
		;;
	define) words="--replace --no-validate --json --help" files=yes ;;
	dumpxml) words="--inactive --json --help $(_rastos_vmm_guests)" ;;
	convert) words="--no-validate --json --help" files=yes ;;
	undefine | pause | resume) words="--help $(_rastos_vmm_guests)" ;;
	start | shutdown | reboot) words="--wait --timeout --help $(_rastos_vmm_guests)" ;;
	kill) words="--wait --help $(_rastos_vmm_guests)" ;;
	setmem) words="--help $(_rastos_vmm_guests)" ;;
	setvcpus) words="--json --help $(_rastos_vmm_guests)" ;;
	console) words="--wait --detach-keys --devname --socket --help $(_rastos_vmm_guests)" ;;
	domdisplay) words="--json --help $(_rastos_vmm_guests)" ;;
	screenshot) words="--help $(_rastos_vmm_guests)" files=yes ;;
	send-key) words="--holdtime --help $(_rastos_vmm_guests)" ;;
	exec) words="--interactive --tty --user --workdir --env --help $(_rastos_vmm_guests)" ;;
	cp) words="--quiet --help $(_rastos_vmm_guests | sed 's/$/:/')" files=yes ;;
	device)
		case $verb in
		"") words="list add set remove --help" ;;
		list) words="--json --help $(_rastos_vmm_guests)" ;;
		add) words="--disk --net --next-start --json --help $(_rastos_vmm_guests)" ;;
		set) words="--link --inbound --outbound --bytes --iops --json --help $(_rastos_vmm_guests)" ;;
		remove) words="--next-start --timeout --help $(_rastos_vmm_guests)" ;;
		esac
		;;
	list) words="--quiet --json --help" ;;
	info | stats) words="--json --help $(_rastos_vmm_guests)" ;;
	logs) words="--follow --lines --json --help $(_rastos_vmm_guests)" ;;
	events) words="--follow --since --json --help" ;;
	top) words="--delay --count --help" ;;
	boot-report) words="--wait --timeout --json --svg --help $(_rastos_vmm_guests)" ;;
	crashes) words="--show --json --help $(_rastos_vmm_guests)" ;;
	disk)
		case $verb in
		"") words="list info create import resize clone delete prune --help" ;;
		list) words="--json --help" ;;
		create) words="--json --json-lines --help" ;;
		import) words="--format --size --tag --length --json --json-lines --help" files=yes ;;
		prune) words="--json-lines --help" ;;
		info) words="--json --help $(_rastos_vmm_disks)" ;;
		delete) words="--json-lines --help $(_rastos_vmm_disks)" ;;
		clone) words="--overlay --json --json-lines --help $(_rastos_vmm_disks)" ;;
		*) words="--json --json-lines --help $(_rastos_vmm_disks)" ;;
		esac
		;;
	image)
		case $verb in
		"") words="build sign verify inspect --help" ;;
		build) words="--kernel --initrd --cmdline --description --key --name --output --json --help" files=yes ;;
		sign) words="--key --name --output --json --help" files=yes ;;
		verify) words="--key --configuration --json --help" files=yes ;;
		inspect) words="--json --help" files=yes ;;
		esac
		;;
	help) words="$(_rastos_vmm_commands)" ;;
	esac
	if [[ -n $command ]] && _rastos_vmm_takes_value "$command" "$before"; then
		words=$(_rastos_vmm_values "$command" "$before")
		[[ -n $words ]] || files=yes
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ -z $files ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}

_rastos_vmm_commands() {
	rastos-vmm --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }'
}

complete -F _rastos_vmm rastos-vmm
