"""Packages of Debian's and catalogues of gettext's with small contents."""

import io
import struct
import tarfile


def ar(members):
    """An ar archive, as deb(5) says."""
    content = b"!<arch>\n"
    for name, data in members:
        content += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    return content


def write_deb(folder, name, files, compression="xz"):
    """A package with these files; its first member has an odd size."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:
        for path, text in {
            f"usr/share/doc/{name}/copyright": "Format: x\n\nFiles: *\nLicense: MPL-2.0\n",
            **files,
        }.items():
            entry = tarfile.TarInfo(f"./{path}")
            content = text if isinstance(text, bytes) else text.encode()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    members = [("debian-binary", b"2.0"), ("control.tar.gz", b"c"), (f"data.tar.{compression}", data.getvalue())]
    deb = folder / f"{name}_4%3a7.4.7_all.deb"
    deb.write_bytes(ar(members))
    return deb


def mo(entries):
    """A .mo file of gettext."""
    start = 28 + 16 * len(entries)
    tables, texts = [b"", b""], b""
    for side in (0, 1):
        for entry in entries:
            text = entry[side].encode()
            tables[side] += struct.pack("<2I", len(text), start + len(texts))
            texts += text + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, 0)
    return header + tables[0] + tables[1] + texts
