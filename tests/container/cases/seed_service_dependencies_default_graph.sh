# A[rinit] -> B[mounts] -> C[devices] -> D[terminals] -> E[logger] -> F[network] -> G[display manager] -> H[sessions]
file etc/rastos/mode <<<desktop
unit display-manager <<'END'
[Service]
ExecStart=/bin/sleep 1000
END
unit session <<'END'
[Unit]
After=display-manager.service
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=graphical.target
END
boot
expect "rinit: ready"
graph=$(ctl graph --dot)
edge() { [[ $graph == *"\"$1\" -> \"$2\""* ]] || fail "$1 does not come after $2"; }
edge terminals.target modules.target
edge logger.target local-fs.target
edge logger.target terminals.target
edge network.target logger.target
edge display-manager.service network.target
edge session.service display-manager.service
# and so they began, in this order
last=0
for unit in modules.target terminals.target logger.target network.target display-manager.service session.service; do
	started=$(ctl --json chart | tr '{' '\n' | sed -n "s/.*\"name\":\"$unit\".*\"ready_ms\":\([0-9.]*\).*/\1/p")
	[[ -n $started ]] || fail "$unit is not in the chart: $(ctl --json chart)"
	((${started%.*} >= last)) || fail "$unit was ready at $started, before $last"
	last=${started%.*}
done
