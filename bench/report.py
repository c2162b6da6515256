"""How the benchmarks tell what they measured: a table for people, a JSON file for programs."""

import json


def print_table(head, rows):
    """Rows of text, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        first, *others = (cell.ljust(width) if column == 0 else cell.rjust(width)
                          for column, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join([first, *others]).rstrip())


def judge(promises):
    """promises: (sentence, measured, most). Prints whether each holds; returns them for the JSON file."""
    judged = []
    for sentence, measured, most in promises:
        holds = measured <= most
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {sentence}: {measured:.2f}, at most {most:g}")
        judged.append({"promise": sentence, "measured": round(measured, 4), "most": most, "holds": holds})
    return judged


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"\nwritten to {path}")
