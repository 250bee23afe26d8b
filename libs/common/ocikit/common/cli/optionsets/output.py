"""How lists are narrowed and printed."""

from ocikit.common.cli.declare import Flag

FORMAT = Flag("format", help='Print as JSON, as a table or by a Go template ("table {{.ID}}")', complete="format")
FORMAT_F = FORMAT.but(short="f")
FILTER = Flag("filter", "strings", "f", help="Show only what matches, as key=value (repeatable)", complete="filters")
FILTER_ARRAY = FILTER.but(kind="stringArray")
NO_TRUNC = Flag("no-trunc", "bool", help="Show ids and commands in full")
NOHEADING = Flag("noheading", "bool", help="Leave the headings out")
NOHEADING_N = NOHEADING.but(short="n")
QUIET_IDS = Flag("quiet", "bool", "q", help="Print ids only")
