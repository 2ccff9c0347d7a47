"""QR codes of tracked links."""

import io


def qr_code(url: str, *, kind: str, scale: int) -> bytes:
    """The picture of an address, with the quiet zone that scanners need.

    Args:
        url: what it leads to.
        kind: "svg" or "png".
        scale: points for each module.
    """
    import segno

    # Level M: a fifteenth of the code may be hidden by a thumb or a fold.
    buffer = io.BytesIO()
    segno.make(url, error="m", micro=False).save(buffer, kind=kind, scale=scale, border=4)
    return buffer.getvalue()
