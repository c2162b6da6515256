unit 'a&b<c' <<END
[Unit]
Description=quotes " and <angles>
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
ctl chart --svg /chart.svg
ctl graph --svg=/graph.svg
for one in chart graph; do
	python3 -c 'import sys, xml.etree.ElementTree as t; assert "a&b<c.service" in "".join(t.parse(sys.argv[1]).getroot().itertext())' "$root/$one.svg" || fail "$(cat "$root/$one.svg")"
done
ctl_fails 1 chart --svg /nowhere/chart.svg
ctl_fails 2 chart --svg
ctl_fails 2 chart --frob
