/* The table as docs/domain-xml.md has it: Markdown on standard output. */
#pragma once

void table_print(void);
