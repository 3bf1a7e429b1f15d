"""Writes texts into a folder that would be too long to write down."""

import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])


def write(name, text):
    (FOLDER / name).write_bytes(text.encode())


write("regions.mlir", "module {" * 1000 + "}" * 1000 + "\n")
aliases = "".join(f"#a{i} = [#a{i - 1}, #a{i - 1}, #a{i - 1}, #a{i - 1}]\n" for i in range(1, 40))
write("bomb.mlir", "#a0 = [1, 2, 3]\n" + aliases + "module attributes {a.b = #a39} {}\n")
write("literal.mlir", "module attributes {a.b = " + "9" * 20000 + " : i64} {}\n")
write("control.mlir", "module {} \x1b[31m\n")
