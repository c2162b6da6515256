#include "vmm/manager/prometheus.h"

#include "common/util.h"

void prometheus_family(struct prometheus *out, const char *name, const char *type, const char *help)
{
	out->name = name;
	out->type = type;
	out->help = help;
	out->begun = false;
}

static void write_value(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", file);
			continue;
		}
		if (*text == '\\' || *text == '"')
			fputc('\\', file);
		fputc(*text, file);
	}
}

static void write_labels(FILE *file, const struct prometheus_label *labels)
{
	const char *before = "{";

	for (; labels && labels->name; labels++) {
		fprintf(file, "%s%s=\"", before, labels->name);
		write_value(file, labels->value);
		fputc('"', file);
		before = ",";
	}
	if (*before == ',')
		fputc('}', file);
}

void prometheus_sample(struct prometheus *out, const char *suffix, const struct prometheus_label *labels,
		       double value)
{
	if (!out->begun)
		fprintf(out->file, "# HELP %s %s\n# TYPE %s %s\n", out->name, out->help, out->name,
			out->type);
	out->begun = true;
	fprintf(out->file, "%s%s", out->name, suffix);
	write_labels(out->file, labels);
	if (number_is_whole(value) && value > -1e15 && value < 1e15)
		fprintf(out->file, " %.0f\n", value);
	else
		fprintf(out->file, " %.15g\n", value);
}
