/* Who looks at a guest's screen, and what he types on. */
#include "vmm/domain_xml/table.h"

/* clang-format off */
#define SCREEN    "devices/graphics"
#define INPUT     "devices/input"
#define NO_SCREEN "a guest has no screen: its console is `rastos-vmm console`"
#define RASTOS    "../../metadata/rastos:guest"
#define DESKTOP   RASTOS "/@role=desktop"
#define KINDS     "@type=mouse|tablet|keyboard"
#define ADDRESS   "viewers come to an address or a unix socket: give type=\"address\""

static const struct rule rules[] = {
	IGNORE (SCREEN, NO_SCREEN, WHEN("!../video/model/resolution&!" RASTOS), MANY),
	IGNORE (SCREEN, NO_SCREEN, WHEN("!../video/model/resolution&" RASTOS "/@role=server|guest"), MANY),
	LIST   (SCREEN, "graphics", 1, WHEN("@type=vnc")),
	REFUSE (SCREEN, "a screen is shown by VNC: give type=\"vnc\"", MANY),
	MAP    (SCREEN "/@type", "type", graphics_type),
	MAP    (SCREEN "/@socket", "socket", path),
	HOLD   (SCREEN "/@port", WHEN("@autoport=yes")),
	HOLD   (SCREEN "/@port", WHEN(".=-1")),
	MAP    (SCREEN "/@port", "port", port),
	MAP    (SCREEN "/@autoport", "autoport", yes_no),
	MAP    (SCREEN "/@listen", "listen", text),
	REFUSE (SCREEN "/@passwd", "a password is in a file of its own, which <metadata> names: password_file"),
	REFUSE (SCREEN "/@passwdValidTo", "a password holds as long as it is in its file"),
	REFUSE (SCREEN "/@websocket", "viewers speak RFB over TCP or a unix socket"),
	REFUSE (SCREEN "/@powerControl", "a viewer is no administrator: give powerControl=\"no\"", WHEN(".=yes")),
	IGNORE (SCREEN "/@powerControl", "a viewer is no administrator"),
	IGNORE (SCREEN "/@keymap", "keys are passed on by where they are"),
	IGNORE (SCREEN "/@connected", "a password keeps out who connects, and nobody who is there"),
	IGNORE (SCREEN "/@sharePolicy", "all viewers see the same"),
	HOLD   (SCREEN "/listen", WHEN("@type=address|socket"), MANY),
	REFUSE (SCREEN "/listen", ADDRESS, MANY),
	HOLD   (SCREEN "/listen/@type"),
	HOLD   (SCREEN "/listen/@address", WHEN("../@listen")),
	MAP    (SCREEN "/listen/@address", "listen", text, .beside = "-"),
	HOLD   (SCREEN "/listen/@socket", WHEN("../@socket")),
	MAP    (SCREEN "/listen/@socket", "socket", path, .beside = "-"),
	IGNORE (SCREEN "/audio", "a guest has no sound"),

	LIST   (INPUT, "inputs", 3, WHEN(KINDS "&@bus=virtio")),
	IGNORE (INPUT, "a PC's keyboard and mouse, which libvirt says of every guest: those that a viewer has are virtio ones",
		WHEN("@type=mouse|keyboard&@bus=ps2&" DESKTOP), MANY),
	REFUSE (INPUT, "a guest's are virtio devices: give bus=\"virtio\"", WHEN(KINDS "&" DESKTOP), MANY),
	IGNORE (INPUT, NO_SCREEN, WHEN(KINDS), MANY),
	REFUSE (INPUT, "no device of the host is handed out: give type=\"keyboard\", \"mouse\" or \"tablet\"", MANY),
	MAP    (INPUT "/@type", "type", input_type),
	MAP    (INPUT "/@bus", "bus", input_bus, ELSE("\"virtio\""), .with = "type"),
	IGNORE (INPUT "/@model", "virtio devices are modern ones"),
	IGNORE (INPUT "/driver", "the guest's driver chooses among what is offered"),
	IGNORE (INPUT "/alias", "a name that it had while the guest ran"),
	IGNORE (INPUT "/address", "devices find their places by themselves"),
};
/* clang-format on */

const struct rule_group display_group = {"Viewers", RULES_OF(rules)};
