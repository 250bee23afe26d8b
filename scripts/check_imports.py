#!/usr/bin/env python3
"""Fails when an import arrow points up, when conmon imports anything of ours, or when ocikit/ itself becomes a package.

Reads every module's import statements (also those inside functions) without running them.
"""

import ast
import sys
from pathlib import Path

ALLOWED = {
    "common": set(),
    "storage": {"common"},
    "image": {"common", "storage"},
    "network": {"common"},
    "libpod": {"common", "storage", "image", "network"},
    "podman": {"common", "storage", "image", "network", "libpod", "conmon"},
    "buildah": {"common", "storage", "image", "libpod"},
    "skopeo": {"common", "image"},
    "conmon": set(),
}
ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [*ROOT.glob("libs/*"), *ROOT.glob("cmd/*"), ROOT / "conmon"]


def imported(tree: ast.Module) -> list[tuple[int, str]]:
    """Every absolute module name that the module imports, with its line; ``import_module("ocikit...")`` counts."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            base = node.module or ""
            found += [(node.lineno, f"{base}.{alias.name}" if base == "ocikit" else base) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name, value = ast.unparse(node.func), node.args[0].value
            if name.endswith(("import_module", "__import__")) and isinstance(value, str):
                found.append((node.lineno, value))
    return found


def main() -> int:
    errors = []
    for folder in FOLDERS:
        package = folder.name
        if (folder / "ocikit" / "__init__.py").exists():
            errors.append(f"{folder.relative_to(ROOT)}/ocikit/__init__.py: the namespace must stay a PEP 420 namespace")
        for path in folder.rglob("*.py"):
            for line, name in imported(ast.parse(path.read_text(), str(path))):
                parts = name.split(".")
                if parts[0] != "ocikit" or len(parts) < 2 or parts[1] == package:
                    continue
                if parts[1] not in ALLOWED[package]:
                    errors.append(f"{path.relative_to(ROOT)}:{line}: {package} must not import ocikit.{parts[1]}")
    print("\n".join(errors) if errors else "imports: every arrow points down")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
