"""What may be shown of an address: neither a user and password nor a query, which may be a signature."""

import re

_USER = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")
_QUERY = re.compile(r"(://[^\s?'\"<>]*\?)[^\s'\"<>]+")
_NAMED = re.compile(
    r"(?i)\b((?:x-amz-|x-goog-)?(?:signature|credential|security-token|secret[\w-]*|password|passwd|token|sig"
    r"|access_?key[\w-]*|aws_[\w]*key[\w]*))(['\"]?\s*[=:]\s*['\"]?)[^\s'\",&;)]+"
)
_HEADER = re.compile(r"(?i)\b(authorization['\"]?\s*[=:]\s*['\"]?)[^'\"\n]+")


def redacted(text: str) -> str:
    """`text` without what may be a secret in it.

    >>> redacted("cannot read https://me:word@host/a.png?X-Amz-Signature=abc, 403")
    'cannot read https://***@host/a.png?*** 403'
    """
    for pattern, shown in ((_USER, "***@"), (_QUERY, r"\1***"), (_HEADER, r"\1***"), (_NAMED, r"\1\2***")):
        text = pattern.sub(shown, text)
    return text
