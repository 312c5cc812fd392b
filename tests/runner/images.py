# SPDX-License-Identifier: MIT
"""Makes small PE images with a catalogue, so that the runner can be tested without building anything."""

from __future__ import annotations

import struct
from pathlib import Path

TESTS = (
    ("cap.page_sizes", "CAP-1", "-", "-", "test"),
    ("flush.unmap", "FL-1 FL-2", "rocker,dmaprobe", "dma,flush", "test"),
    ("flush.none", "GEN-3", "rocker", "dma", "observe"),
    ("tr.leaf_4k", "TR-1", "rocker", "dma", "test"),
)
DEFECTS = (("no-flush", "FL-1", "A flush does nothing."), ("lazy", "CAP-1", "A capability is missing."))
VARIANTS = (("other-status", "CAP-6", "answers with another status"), ("polite", "FL-4 FL-7", "flushes too much"))


def pe(sections: dict[str, bytes]) -> bytes:
    """A PE32+ image with these sections and nothing that could run."""
    header_size = 0x400
    data = bytearray(header_size)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 0x3C, 0x80)
    struct.pack_into("<IHHIIIHH", data, 0x80, 0x4550, 0x8664, len(sections), 0, 0, 0, 0xF0, 0x22)
    for index, (name, content) in enumerate(sections.items()):
        padded = content + b"\0" * (-len(content) % 512)
        struct.pack_into(
            "<8sIIII", data, 0x80 + 24 + 0xF0 + index * 40, name.encode(), len(content), 0x1000, len(padded), len(data)
        )
        data += padded
    return bytes(data)


def elf(sections: dict[str, bytes]) -> bytes:
    """An ELF file with these sections and no code."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    contents = [*sections.items(), (".shstrtab", names)]
    body, headers, offset = b"", b"\0" * 64, 64
    for index, (name, content) in enumerate(contents):
        kind = 3 if index == len(contents) - 1 else 1
        at = names.index(b"\0" + name.encode() + b"\0") + 1
        headers += struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, offset + len(body), len(content), 0, 0, 1, 0)
        body += content
    start = struct.pack("<4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 3, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64,
                        len(contents) + 1, len(contents))  # fmt: skip
    return start + body + headers


def digit(classes: str) -> str:
    """The device classes as the image names them."""
    known = ("rocker", "edu", "dmaprobe", "dmaprobe+ats", "nvme", "ioat")
    return chr(ord("0") + sum(1 << known.index(name) for name in set(classes.split(",")) if name in known))


def letter(kinds: str, unit: str = "") -> str:
    """The unit as the image names it."""
    return {"": "-", "virtio_iommu": "v", "vtd": "d"}[unit] if "abi" not in kinds else "p"


def image_section(tests: tuple[tuple[str, ...], ...] = TESTS) -> bytes:
    """The strings of pvtest.efi."""
    fields = (
        (name, digit(classes), level[0] + letter(kinds, *unit)) for name, _, classes, kinds, level, *unit in tests
    )
    return b"catalogue\t7\0\0\0version\t9.9\0" + b"".join("\t".join(test).encode() + b"\0\0" for test in fields)


def declaration(name: str, labels: dict[str, str]) -> bytes:
    """One record of pvtest.debug."""
    fields = ["test", name, f"tests/{name.partition('.')[0]}.c:7", *(word for pair in labels.items() for word in pair)]
    return "\t".join(fields).encode() + b"\0"


def catalogue_section(tests: tuple[tuple[str, ...], ...] = TESTS) -> bytes:
    """The strings of pvtest.debug."""
    out = b"catalogue\t4\0\0\0version\t9.9\0"
    for name, requirements, classes, kinds, level, *unit in tests:
        out += declaration(
            name,
            {
                "PROMISE": f"Promise of {name}.",
                "COVERS": "" if requirements == "-" else requirements,
                "DEVICES": "NONE" if classes == "-" else classes.replace("+", "_").replace(",", " "),
                "KINDS": "none" if kinds == "-" else kinds.replace(",", " "),
                "LEVEL": level,
                **({"UNIT": unit[0]} if unit else {}),
                "STEPS": "Maps a page and lets the device write there.",
                "EXPECTS": "The bytes are there.",
                "IF_IT_FAILS": "A cache keeps stale entries.",
            },
        )
    return out


Switches = tuple[tuple[str, ...], ...]  # name, requirements, title; a defect's unit may follow


def host_section(defects: Switches = DEFECTS, variants: Switches = VARIANTS) -> bytes:
    """The strings of refhost.efi."""
    out = b""
    for word, switches, rest in (("defect", defects, ("any",)), ("variant", variants, ())):
        out += f"{word}s\t1\0".encode()
        out += b"".join("\t".join((word, *switch, *rest[len(switch) - 3 :])).encode() + b"\0" for switch in switches)
    return out


def without_sentences(section: bytes) -> bytes:
    """The strings of a refhost.efi that leaves the sentences to its debug file."""
    records = [record.split(b"\t") for record in section.split(b"\0")]
    return b"\0".join(b"\t".join([*fields[:3], b"", *fields[4:]] if len(fields) > 3 else fields) for fields in records)


def sentences_section(defects: Switches = DEFECTS, variants: Switches = VARIANTS) -> bytes:
    """The strings of refhost.debug."""
    records = ["sentences\t1"]
    for word, switches in (("defect", defects), ("variant", variants)):
        records += [f"{word}\t{name}\t{title}" for name, _, title, *_ in switches]
    return "".join(record + "\0\0" for record in records).encode()


def build(folder: Path, tests: bytes | None = None, host: bytes | None = None, text: bytes | None = None) -> Path:
    """A build folder with both images and the guest's debug file."""
    folder.mkdir(parents=True, exist_ok=True)
    tests = image_section() if tests is None else tests
    text = catalogue_section() if text is None else text
    (folder / "pvtest.efi").write_bytes(pe({".text": b"\x90" * 100, ".pvtcat": tests}))
    (folder / "pvtest.debug").write_bytes(elf({".pvttext": text}))
    (folder / "refhost.efi").write_bytes(pe({".pvtcat": host_section() if host is None else host}))
    return folder
