# SPDX-License-Identifier: MIT
"""Images for Secure Boot: their headers, `./run.sh image --sign`, and a firmware that checks signatures."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from conftest import pvtest_call, quick_firmware

from pvtest import paths
from pvtest.errors import MissingError, UsageError
from pvtest.images.pe import Signer

NX_COMPAT = 0x0100
WRITE, EXECUTE = 0x80000000, 0x20000000  # of a section
PAGE = 4096

OVMF, KEYS = Path("/usr/share/OVMF"), Path("/usr/share/ovmf")
# Debian's firmware for tests of Secure Boot: the key that it trusts is public.
SECURE_CODE, SECURE_VARIABLES = OVMF / "OVMF_CODE_4M.secboot.fd", OVMF / "OVMF_VARS_4M.snakeoil.fd"
TRUSTED_KEY, TRUSTED = KEYS / "PkKek-1-snakeoil.key", KEYS / "PkKek-1-snakeoil.pem"
SECONDS = 150.0

built = pytest.mark.skipif(not paths.GUEST_IMAGE.exists(), reason="the images are not built")
signs = pytest.mark.skipif(shutil.which("sbsign") is None, reason="sbsigntool is not installed")


@built
@pytest.mark.parametrize("image", [paths.GUEST_IMAGE, paths.HOST_IMAGE], ids=lambda path: path.name)
def test_data_of_the_images_is_not_executable(image: Path) -> None:
    data = image.read_bytes()
    (header,) = struct.unpack_from("<I", data, 0x3C)
    (count,) = struct.unpack_from("<H", data, header + 6)
    (optional,) = struct.unpack_from("<H", data, header + 20)
    (alignment,) = struct.unpack_from("<I", data, header + 24 + 32)
    (characteristics,) = struct.unpack_from("<H", data, header + 24 + 70)
    assert characteristics & NX_COMPAT and alignment == PAGE
    table = header + 24 + optional
    flags = [struct.unpack_from("<I", data, table + 40 * number + 36)[0] for number in range(count)]
    assert any(flag & EXECUTE for flag in flags) and any(flag & WRITE for flag in flags)
    assert not any(flag & EXECUTE and flag & WRITE for flag in flags)


def make_key(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pvtest", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, timeout=60, capture_output=True)
    return key, certificate


@built
@signs
def test_a_signed_image_is_signed_by_this_key(tmp_path: Path) -> None:
    key, certificate = make_key(tmp_path)
    signed = tmp_path / "signed.efi"
    signed.write_bytes(Signer(key, certificate).signed(paths.GUEST_IMAGE.read_bytes()))
    verify = ["sbverify", "--cert", str(certificate)]
    assert subprocess.run([*verify, signed], timeout=60, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*verify, paths.GUEST_IMAGE], timeout=60, capture_output=True, check=False).returncode != 0


def test_what_is_missing_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key.pem"
    with pytest.raises(UsageError, match="no such file"):
        Signer(key, key).check()
    key.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="package sbsigntool"):
        Signer(key, key).check()


@built
@signs
def test_a_key_that_is_none_is_an_error(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key\n", encoding="ascii")
    output = tmp_path / "disk.img"
    done = pvtest_call("image", "--target", "qemu", "--sign", str(key), str(key), "--output", str(output))
    assert done.returncode == 2 and "sbsign failed" in done.stderr and not output.exists()


def booted(folder: Path, disk: Path) -> str:
    """COM1 of a machine with Secure Boot, until the suite or the firmware came to an end."""
    variables, serial = folder / "variables.fd", folder / "serial.log"
    shutil.copyfile(SECURE_VARIABLES, variables)
    serial.unlink(missing_ok=True)
    command = [
        "qemu-system-x86_64",
        *("-machine", "q35,smm=on,accel=tcg", "-cpu", "qemu64", "-m", "1536", "-nodefaults", "-display", "none"),
        *("-global", "driver=cfi.pflash01,property=secure,value=on", "-no-reboot", "-net", "none"),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={SECURE_CODE}"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={variables}"),
        *("-drive", f"if=none,id=boot,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=boot,bootindex=0"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-serial", f"file:{serial}"),
    ]
    with quick_firmware(command) as (words, inherited), subprocess.Popen(
        words, stdin=subprocess.DEVNULL, pass_fds=inherited
    ) as process:
        try:
            end = time.monotonic() + SECONDS
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.2)
                text = serial.read_text(encoding="utf-8", errors="replace") if serial.exists() else ""
                if "Access Denied" in text or "Security Violation" in text:
                    break
        finally:
            process.kill()
    return serial.read_text(encoding="utf-8", errors="replace")


@built
@signs
@pytest.mark.boots
@pytest.mark.skipif(not SECURE_CODE.exists() or not TRUSTED_KEY.exists(), reason="no firmware with Secure Boot")
def test_secure_boot_takes_the_signed_image_alone(tmp_path: Path) -> None:
    key = tmp_path / "trusted.key"
    open_it = ["openssl", "rsa", "-in", TRUSTED_KEY, "-passin", "pass:snakeoil", "-out", key]
    subprocess.run(open_it, check=True, timeout=60, capture_output=True)
    for sign in ([], ["--sign", str(key), str(TRUSTED)]):
        disk = tmp_path / "disk.img"
        done = pvtest_call("image", "--target", "qemu", *sign, "--output", str(disk), "--force", "discovery")
        assert done.returncode == 0, done.stderr
        text = booted(tmp_path, disk)
        assert ("TAP version 14" in text and "# end: " in text) == bool(sign), text[-2000:]
