/* Metrics as text for Prometheus. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/manager/prometheus.h"

static char *text;
static size_t size;
static struct prometheus out;

static void begin(void)
{
	out.file = open_memstream(&text, &size);
	cr_assert_not_null(out.file);
}

static void expect(const char *expected)
{
	fclose(out.file);
	cr_expect_str_eq(text, expected);
	free(text);
}

TestSuite(prometheus, .init = begin);

Test(prometheus, families_with_samples)
{
	prometheus_family(&out, "a_total", "counter", "Of a.");
	prometheus_sample(&out, "", NULL, 17);
	prometheus_family(&out, "b", "gauge", "Of b.");
	prometheus_sample(&out, "", (struct prometheus_label[]){{"x", "1"}, {NULL, NULL}}, 0.5);
	prometheus_sample(&out, "", (struct prometheus_label[]){{"x", "2"}, {"y", ""}, {NULL, NULL}}, -3);
	expect("# HELP a_total Of a.\n# TYPE a_total counter\na_total 17\n"
	       "# HELP b Of b.\n# TYPE b gauge\nb{x=\"1\"} 0.5\nb{x=\"2\",y=\"\"} -3\n");
}

Test(prometheus, a_family_without_samples_is_left_out)
{
	prometheus_family(&out, "a", "gauge", "Of a.");
	prometheus_family(&out, "b", "gauge", "Of b.");
	prometheus_sample(&out, "", (struct prometheus_label[]){{NULL, NULL}}, 1);
	expect("# HELP b Of b.\n# TYPE b gauge\nb 1\n");
}

Test(prometheus, labels_are_escaped)
{
	prometheus_family(&out, "a", "gauge", "Of a.");
	prometheus_sample(&out, "_sum", (struct prometheus_label[]){{"x", "a\"b\\c\nd} 1"}, {NULL, NULL}}, 1);
	expect("# HELP a Of a.\n# TYPE a gauge\na_sum{x=\"a\\\"b\\\\c\\nd} 1\"} 1\n");
}

Test(prometheus, large_numbers_are_whole_and_small_ones_exact)
{
	prometheus_family(&out, "a", "gauge", "Of a.");
	prometheus_sample(&out, "", NULL, 123456789012345.0);
	prometheus_sample(&out, "", NULL, 9007199254740992.0);
	prometheus_sample(&out, "", NULL, 0.000000001);
	prometheus_sample(&out, "", NULL, 1795794223.125);
	expect("# HELP a Of a.\n# TYPE a gauge\na 123456789012345\na 9.00719925474099e+15\na 1e-09\n"
	       "a 1795794223.125\n");
}
