#!/usr/bin/env python3
"""Writes C that holds JSON documents, packed: documents_make.py OUT NAME=FILE..."""

import gzip
import json
import sys


def main():
    out, documents = sys.argv[1], [argument.split("=", 1) for argument in sys.argv[2:]]
    lines = []
    for name, path in documents:
        with open(path, encoding="utf-8") as file:
            text = json.dumps(json.load(file), ensure_ascii=False, separators=(",", ":")).encode()
        packed = gzip.compress(text, 9, mtime=0)
        data = ",".join(map(str, packed))
        lines.append(f'{{"{name}", {len(text)}, {len(packed)}, (const unsigned char[]){{{data}}}}},\n')
    with open(out, "w", encoding="utf-8") as file:
        file.writelines(lines)


if __name__ == "__main__":
    main()
