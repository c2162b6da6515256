# shellcheck shell=bash
# Long steps, with progress: on a terminal a line that is drawn over, elsewhere a line now and then. Source it after lib.sh.

readonly STEP_LOGS=build/log
step_pid=

# end_step: ends the step that is under way, with all its children; for traps.
end_step() {
	[[ -z $step_pid ]] || kill -- "-$step_pid" 2>/dev/null || true
}

# show_progress TITLE LOG SECONDS: one line that is drawn over on a terminal, else a line now and then.
show_progress() {
	local last
	if [[ -t 2 ]]; then
		last=$(tail -c 400 "$2" | tr '\r' '\n' | awk 'NF { line = $0 } END { print substr(line, 1, 60) }')
		printf '\r\033[K  %s: %d s  \033[2m%s\033[m' "$1" "$3" "$last" >&2
	elif (($3 > 0 && $3 % 30 == 0 && $3 != shown)); then
		echo "  $1: $3 s ..." >&2
		shown=$3
	fi
}

# step TITLE LOG COMMAND...: run COMMAND with its output in $STEP_LOGS/LOG.log, and show how it goes; where it fails, the end
# of that is shown and the script ends.
step() {
	local title=$1 log=$STEP_LOGS/$2.log begin=$SECONDS shown=0 status=0
	shift 2
	mkdir -p "$STEP_LOGS"
	set -m # a process group of its own, so that it can be ended with all its children
	"$@" >"$log" 2>&1 </dev/null &
	step_pid=$!
	set +m
	while kill -0 "$step_pid" 2>/dev/null; do
		show_progress "$title" "$log" $((SECONDS - begin))
		sleep 0.1
	done
	wait "$step_pid" || status=$?
	step_pid=
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	if ((status != 0)); then
		tail -n 30 "$log" >&2
		die "$title failed after $((SECONDS - begin)) s; all of its output is in $log"
	fi
	echo "  $title: done in $((SECONDS - begin)) s" >&2
}
