"""test_odd.py RINITCTL: files that are wrong, or odd and fine, in every way that their writers think of, are judged alike.

Each file in odd/ is called after what is the matter with it; those with nothing wrong begin with "fine".
"""

import os
import shutil
import sys

import judges

# Where rinit judges otherwise, on purpose: file, why.
OTHERWISE = {
    "bad_documentation.service": "Documentation= is for people",
    "bad_escape.service": "what is no escape stands for itself, without a word",
    "bad_value_of_a_condition.service": "said when it is read, not when it is too late",
    "not_utf8.service": "bytes are bytes; rinitctl shows what is no character as one that says so",
    "specifiers_of_the_distribution.service": "not known here: a command is not run with half of its words",
}


def main():
    judges.skip_without_systemd()
    program = os.path.abspath(sys.argv[1])
    odd = os.path.join(os.path.dirname(os.path.abspath(__file__)), "odd")
    bad = 0
    with judges.scratch() as scratch:
        for name in os.listdir(odd):
            shutil.copy(os.path.join(odd, name), scratch)
        for name, systemd in judges.judge_systemd(scratch).items():
            rinit = judges.judge_rinit(program, os.path.join(scratch, name))
            difference = judges.disagreement(systemd, rinit)
            is_fine = not systemd.lines and not systemd.refused
            if bool(difference) != (name in OTHERWISE):
                bad += 1
                print(f"{name}:\n    {difference or 'they agree: it is not to be listed in OTHERWISE'}")
            if name not in OTHERWISE and is_fine != name.startswith("fine"):
                bad += 1
                print(f"{name}: is not what its name says: systemd {systemd}")
    print(f"{len(os.listdir(odd))} files, {bad} complaints")
    return bad > 0


sys.exit(main())
