"""Writes lib/checkpoint/pickle/compat_names.ts: the names of Python 2 that pickles of protocols 0 to 2 still use.

    python scripts/make_compat_names.py

They are CPython's own, from its module `_compat_pickle`, which pickle applies with `fix_imports`.
"""

import _compat_pickle
import json
import pathlib

names = {".".join(old): list(new) for old, new in sorted(_compat_pickle.NAME_MAPPING.items())}
modules = dict(sorted(_compat_pickle.IMPORT_MAPPING.items()))
file = pathlib.Path(__file__).parent.parent / "lib/checkpoint/pickle/compat_names.ts"
header = """// Written by scripts/make_compat_names.py from CPython's _compat_pickle. Do not edit.

/** Names of Python 2 by module and name with a dot between, with those of Python 3. */
export const COMPAT_NAMES: Readonly<Record<string, readonly [module: string, name: string]>> = """
body = json.dumps(names, indent=2) + "\n\n/** Modules of Python 2 with those of Python 3, for all other names in them. */\n"
body += "export const COMPAT_MODULES: Readonly<Record<string, string>> = " + json.dumps(modules, indent=2) + "\n"
file.write_text(header + body)
